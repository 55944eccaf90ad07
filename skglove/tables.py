"""Tables of results: lists of named tuples that a terminal and a notebook show as tables."""

from html import escape

from skglove.rendering import ascii_html, printable

# Cells of more characters are broken anywhere where they do not fit.
LONG = 40


def import_pandas():
    """Import pandas, or say how to get it.

    Returns
    -------
    pandas : module

    Raises
    ------
    ImportError
        If pandas is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise ImportError("to_frame needs pandas: pip install pandas") from error
    return pandas


class Table(list):
    """A list of rows that is shown as a table, by `print` and in notebooks.

    Parameters
    ----------
    kind : type
        The named tuple of the rows. Its fields are the columns.
    rows : iterable of named tuple
        The rows.
    note : str, default=""
        What stands below the table.
    """

    def __init__(self, kind, rows, note=""):
        super().__init__(rows)
        self.columns, self.note = kind._fields, note

    def to_frame(self):
        """Return the rows as a pandas DataFrame.

        Returns
        -------
        frame : pandas.DataFrame of shape (n_rows, n_columns)

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        return import_pandas().DataFrame(list(self), columns=self.columns)

    def __str__(self):
        cells = [self.columns, *([printable(_format(value)) for value in row] for row in self)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        rights = [isinstance(value, int | float) for value in self[0]] if self else [False] * len(widths)
        lines = [
            "  ".join(
                cell.rjust(width) if right else cell.ljust(width)
                for cell, width, right in zip(row, widths, rights, strict=True)
            ).rstrip()
            for row in cells
        ]
        return "\n".join([*lines, *filter(None, [self.note])])

    def _repr_html_(self):
        head = "".join(f"<th>{escape(name)}</th>" for name in self.columns)
        rows = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in self)
        note = f"<p>{escape(self.note)}</p>" if self.note else ""
        return ascii_html(
            '<div tabindex="0" style="max-height:30em;overflow:auto">'
            f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{note}</div>"
        )


def _format(value):
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _cell(value):
    shown = _format(value)
    side = "right" if isinstance(value, int | float) else "left"
    wrap = ";overflow-wrap:anywhere" if len(shown) > LONG else ""  # texts, but not labels
    return f'<td style="text-align:{side}{wrap}">{escape(shown)}</td>'
