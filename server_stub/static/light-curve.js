"use strict";
// Replaces the picture by a plot to zoom and hover; without this script the picture stays.
(() => {
  const source = document.getElementById("light-curve");
  const place = document.getElementById("plot");
  if (!source || !place || typeof Plotly === "undefined") return;
  // Event and observatory names are strangers' text: Plotly would read tags in it.
  const plain = (text) => String(text).replace(/[&<>]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[c]);
  const symbols = ["circle", "square", "diamond", "triangle-up", "pentagon", "star", "cross"];
  const surveys = [];
  const symbol = (name) => {
    const survey = name.split("/")[0];
    if (!surveys.includes(survey)) surveys.push(survey);
    return symbols[surveys.indexOf(survey) % symbols.length];
  };
  const traces = JSON.parse(source.textContent).map((part) => ({
    type: "scatter",
    mode: "markers",
    name: plain(part.name),
    x: part.mjd,
    y: part.mag,
    text: part.observatory.map(plain),
    error_y: { type: "data", array: part.err, visible: !part.limit, thickness: 1, width: 0 },
    marker: { color: part.colour, symbol: part.limit ? "arrow-down-open" : symbol(part.name), size: part.limit ? 9 : 6 },
    hovertemplate: "MJD %{x:.5f}<br>" + (part.limit ? "fainter than " : "") + "%{y:.3f} mag<br>%{text}",
  }));
  const dark = window.matchMedia("(prefers-color-scheme: dark)").matches;
  const ink = dark ? "#e3e8ef" : "#1b2330";
  const grid = dark ? "#323b49" : "#d9dee6";
  const layout = {
    xaxis: { title: { text: "MJD" }, tickformat: ".0f", gridcolor: grid, zeroline: false },
    yaxis: { title: { text: "magnitude" }, autorange: "reversed", gridcolor: grid, zeroline: false },
    margin: { l: 55, r: 10, t: 30, b: 45 },
    legend: { orientation: "h", yanchor: "bottom", y: 1.02 },
    modebar: { orientation: "v", bgcolor: "rgba(0,0,0,0)", color: grid, activecolor: ink },
    font: { color: ink },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    hovermode: "closest",
  };
  place.hidden = false;
  document.getElementById("picture").hidden = true;
  Plotly.newPlot(place, traces, layout, { responsive: true, displaylogo: false });
})();
