"""Exports of the light curve: the numbers in the field's formats, the plot as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFileDialog

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.point import LightCurve
from cpcs_desktop.ui.light_curve_view import LightCurveView

if TYPE_CHECKING:
    from cpcs_desktop.ui.main_window import MainWindow

#: what the file dialog offers -> (ending, format of the writer)
FORMATS: dict[str, tuple[str, str]] = {
    "CSV (*.csv)": (".csv", "csv"),
    "CPCS JSON (*.json)": (".json", "cpcs"),
    "AAVSO extended (*.txt)": (".txt", "aavso"),
    "VOTable (*.vot)": (".vot", "votable"),
    "ECSV (*.ecsv)": (".ecsv", "ecsv"),
    "Parquet (*.parquet)": (".parquet", "parquet"),
    "Picture (*.png)": (".png", "picture"),
    "Drawing (*.svg)": (".svg", "drawing"),
    "PDF (*.pdf)": (".pdf", "pdf"),
}


def export_light_curve(window: MainWindow) -> None:
    """Ask where to, and write the light curve shown."""
    view = window.light_curve
    if view.shown_event is None:
        window.bridge.said.emit("Choose an event first.")
        return
    file, kind = QFileDialog.getSaveFileName(
        window, "Export the light curve", "lightcurve.csv", ";;".join(FORMATS)
    )
    if file:
        ending, file_format = FORMATS.get(kind, FORMATS["CSV (*.csv)"])
        path = Path(file) if Path(file).suffix else Path(file + ending)
        try:
            write_export(window, path, file_format)
        except CpcsError as error:
            window.bridge.explain(error)
        else:
            window.bridge.said.emit(_written(window, path, file_format))


def _written(window: MainWindow, path: Path, file_format: str) -> str:
    if file_format == "aavso" and not window.bridge.settings.observatory.aavso_code:
        return f"Written to {path} without an observer's code: name it in Settings (Ctrl+,)."
    return f"Light curve written to {path}"


def write_export(window: MainWindow, path: Path, file_format: str) -> None:
    """Write the points or the plot; the draft is never exported.

    Raises
    ------
    CpcsError
        When the file cannot be written.
    """
    view = window.light_curve
    if file_format in {"picture", "drawing", "pdf"}:
        write_plot(view, path, file_format)
        return
    from cpcs_desktop.io.aavso import AavsoHeader
    from cpcs_desktop.io.light_curves import write_light_curve

    event = next((e for e in window.bridge.sending.events if e.ivorn == view.shown_event), None)
    code = window.bridge.settings.observatory.aavso_code
    aavso = AavsoHeader(code) if code else AavsoHeader()
    curve = LightCurve(str(view.shown_event), view.exported_points())
    write_light_curve(curve, path, file_format, event=event, aavso=aavso)


def write_plot(view: LightCurveView, path: Path, file_format: str) -> None:
    """Write the plot as it is on the screen."""
    from PySide6.QtCore import QRectF
    from PySide6.QtGui import QPageLayout, QPageSize, QPainter, QPdfWriter

    if file_format == "picture":
        if not view.canvas.grab().save(str(path)):
            raise CpcsError("unwritable", f"{path} cannot be written.", "Choose another place.")
        return
    if file_format == "drawing":
        from PySide6.QtSvg import QSvgGenerator

        drawing = QSvgGenerator()
        drawing.setFileName(str(path))
        drawing.setSize(view.canvas.size())
        drawing.setViewBox(view.canvas.rect())
        drawing.setTitle(str(view.shown_event))
        painter = QPainter(drawing)
        view.canvas.scene().render(painter)
        painter.end()
        return
    writer = QPdfWriter(str(path))
    writer.setPageSize(QPageSize(QPageSize.PageSizeId.A4))
    writer.setPageOrientation(QPageLayout.Orientation.Landscape)
    painter = QPainter(writer)
    view.canvas.scene().render(painter, QRectF(painter.viewport()))
    painter.end()
