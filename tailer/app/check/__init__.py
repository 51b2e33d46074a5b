"""What `tailer check` looks at before a run: everything that one needs, without changing anything.

May live here: the looks themselves (`checks`, `places`), what figures mean (`verdicts`), and what was found
as data (`findings`). What the API is measured to do is `tailer.app.probe`.
"""
