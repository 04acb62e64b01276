"""Every command of the window with its key: for menus, shortcuts, tooltips and the sheet."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Gesture:
    """One command.

    Parameters
    ----------
    name : str
        Object name of its action.
    text : str
        What the menu says.
    keys : tuple of str
        Qt key sequences; the first one is shown.
    menu : str
        Where it stands.
    """

    name: str
    text: str
    keys: tuple[str, ...]
    menu: str


GESTURES: tuple[Gesture, ...] = (
    Gesture("open", "Open files …", ("Ctrl+O",), "Night"),
    Gesture("openFolder", "Open a folder …", ("Ctrl+Shift+O",), "Night"),
    Gesture("watch", "Watch a folder …", ("Ctrl+W",), "Night"),
    Gesture("practice", "Open the practice night", ("Ctrl+P",), "Night"),
    Gesture("next", "Next frame", ("J", "Down"), "Night"),
    Gesture("previous", "Previous frame", ("K", "Up"), "Night"),
    Gesture("remove", "Take the row off the board", ("Del",), "Night"),
    Gesture("again", "Measure the frame again", ("Ctrl+R",), "Night"),
    Gesture("times", "MJD and exposure of a list …", ("T",), "Night"),
    Gesture("images", "Images of the file …", ("Ctrl+I",), "Night"),
    Gesture("columns", "Columns of a list …", ("Ctrl+L",), "Night"),
    Gesture("header", "Header of the frame …", ("H",), "Night"),
    Gesture("openRecord", "Open a record …", ("Ctrl+Shift+R",), "Night"),
    Gesture("quit", "Quit", ("Ctrl+Q",), "Night"),
    Gesture("undo", "Undo", ("U", "Ctrl+Z"), "Edit"),
    Gesture("redo", "Redo", ("Shift+U", "Ctrl+Shift+Z"), "Edit"),
    Gesture("exclude", "Exclude or restore the star", ("X",), "Edit"),
    Gesture("restoreAll", "Restore all stars", ("Shift+X",), "Edit"),
    Gesture("checkStar", "Take the selected star as check star", ("Ctrl+K",), "Edit"),
    Gesture("showCheckStar", "Light the check star", ("Ctrl+Shift+K",), "View"),
    Gesture("force", "Ask for the band shown large", ("F",), "Edit"),
    Gesture("automatic", "Automatic band", ("Shift+F",), "Edit"),
    Gesture("event", "Choose the event", ("E",), "Edit"),
    Gesture("newEvent", "New event …", ("Ctrl+E",), "Edit"),
    Gesture("comment", "Write a comment", ("C",), "Edit"),
    Gesture("settings", "Settings …", ("Ctrl+,",), "Edit"),
    Gesture("accept", "Accept", ("A",), "Result"),
    Gesture("average", "Average the selected rows", ("Shift+A",), "Result"),
    Gesture("reject", "Reject, with a reason", ("R",), "Result"),
    Gesture("submit", "Submit what waits", ("S",), "Result"),
    Gesture("dryRun", "Dry run", ("D",), "Result"),
    Gesture("psf", "Measure the target by PSF, or not", ("Y",), "Result"),
    Gesture("record", "Record of the point", ("P",), "Result"),
    Gesture("doubt", "Mark the point as doubtful …", ("M",), "Result"),
    Gesture("withdraw", "Withdraw the point …", ("W",), "Result"),
    Gesture("decide", "Decide a conflict …", ("V",), "Result"),
    Gesture("recalibrate", "Recalibrate everything …", ("Ctrl+Alt+R",), "Result"),
    Gesture("bhtom", "Send to BHTOM …", ("B",), "Result"),
    Gesture("sampImage", "Send the frame by SAMP", ("Ctrl+Shift+I",), "Result"),
    Gesture("sampStars", "Send the stars by SAMP", ("Ctrl+Shift+T",), "Result"),
    Gesture("sampPlace", "Send the place by SAMP", ("Ctrl+Shift+P",), "Result"),
    Gesture("finder", "Finder chart …", ("Ctrl+F",), "Result"),
    Gesture("export", "Export the light curve …", ("Ctrl+S",), "Result"),
    Gesture("nextBand", "Next band", ("]",), "View"),
    Gesture("previousBand", "Previous band", ("[",), "View"),
    Gesture("residuals", "Residuals against the next quantity", ("G",), "View"),
    Gesture("growth", "Curve of growth, or the cut-out", ("Shift+G",), "View"),
    Gesture("overlays", "All marks on or off", ("Space",), "View"),
    Gesture("detections", "Detections", ("Alt+1",), "View"),
    Gesture("references", "Reference stars", ("Alt+2",), "View"),
    Gesture("matched", "Matched stars", ("Alt+3",), "View"),
    Gesture("excluded", "Excluded stars", ("Alt+4",), "View"),
    Gesture("saturated", "Saturated sources", ("Alt+5",), "View"),
    Gesture("target", "Target", ("Alt+6",), "View"),
    Gesture("invert", "Invert the image", ("I",), "View"),
    Gesture("zoomIn", "Zoom in", ("+", "="), "View"),
    Gesture("zoomOut", "Zoom out", ("-",), "View"),
    Gesture("zoomFit", "Whole frame", ("0",), "View"),
    Gesture("zoomOne", "One to one", ("1",), "View"),
    Gesture("northUp", "North up, east left", ("N",), "View"),
    Gesture("nextPoint", "Next point of the light curve", (".",), "View"),
    Gesture("previousPoint", "Previous point of the light curve", (",",), "View"),
    Gesture("older", "Older revisions in the light curve", ("O",), "View"),
    Gesture("refresh", "Ask the server now", ("F5",), "View"),
    Gesture("tab1", "Calibrate", ("Ctrl+1",), "Go"),
    Gesture("tab2", "Light curve", ("Ctrl+2",), "Go"),
    Gesture("tab3", "Events", ("Ctrl+3",), "Go"),
    Gesture("tab4", "Reference surveys", ("Ctrl+4",), "Go"),
    Gesture("tab5", "Outbox", ("Ctrl+5",), "Go"),
    Gesture("dark", "Dark", ("Ctrl+Alt+1",), "Theme"),
    Gesture("light", "Light", ("Ctrl+Alt+2",), "Theme"),
    Gesture("night", "Night (red)", ("Ctrl+Alt+3",), "Theme"),
    Gesture("larger", "Larger text", ("Ctrl++", "Ctrl+="), "Theme"),
    Gesture("smaller", "Smaller text", ("Ctrl+-",), "Theme"),
    Gesture("keys", "Keys", ("?", "F1"), "Help"),
)
MENUS = ("Night", "Edit", "Result", "View", "Go", "Theme", "Help")
#: Gestures of the mouse, for the sheet.
MOUSE: tuple[tuple[str, str], ...] = (
    ("Click a star in a fit", "exclude it, or put it back; every fit follows"),
    ("Shift + drag in a fit", "lasso: the same for many stars"),
    ("Ctrl + click", "select only"),
    ("Click a star in the image", "select it everywhere; x excludes it"),
    ("Click a small plot", "show that band large; double click asks for it"),
    ("Click a point or a row of the outbox", "its record"),
    ("Wheel, drag", "zoom at the cursor, pan"),
    ("Right drag in the image", "contrast and brightness"),
    ("Middle click in the image", "bring the place to the middle"),
    ("Double click in a plot", "show everything"),
)
