//! polars frames for readers: as a table in a notebook, and as a CSV file.

use std::path::Path;

use polars::prelude::{AnyValue, DataFrame};

use super::{escaped, show};
use crate::{
    Result,
    decimals::{decimals, fixed, with_commas},
    files,
};

/// A frame with more rows than this is shortened in a notebook, to so many of its first and of its last rows.
const MOST_ROWS: usize = 40;
const ROWS_AT_EACH_END: usize = 10;

/// What this library adds to a [`DataFrame`]; it comes into scope with the [`prelude`](crate::prelude).
///
/// ```
/// use mnist_classification::{polars::df, prelude::*};
/// let frame = df!["digit" => [3, 5], "f1" => [0.25, 0.5]]?;
/// assert_eq!(frame.csv(), "digit,f1\n3,0.25\n5,0.5\n");
/// assert!(frame.html().contains("<td style=\"text-align:right\">0.25</td>"));
/// assert_eq!(frame.text(), "| digit |   f1 |\n| ----: | ---: |\n|     3 | 0.25 |\n|     5 | 0.50 |");
/// # Ok::<(), Error>(())
/// ```
pub trait Table {
    /// Returns the frame as an HTML table: numbers to the right, the floats of a column with the decimals that they
    /// need, four in most cases. Of more than 40 rows it shows the first and the last ten, and how many there are.
    fn html(&self) -> String;

    /// Returns the same as a Markdown table, in columns of one width.
    fn text(&self) -> String;

    /// Returns the frame as comma-separated values with a header line: all rows, floats with all their digits, a list
    /// as `[1, 2]`. A missing value is an empty cell, an empty text is `""`.
    fn csv(&self) -> String;

    /// Writes [`Table::csv`] to a file.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) when the file cannot be written; then nothing is left of it.
    fn save_csv(&self, path: impl AsRef<Path>) -> Result<()> {
        files::write(path, self.csv())
    }

    /// Shows the frame in a notebook: evcxr calls this for the last value of a cell.
    fn evcxr_display(&self) {
        show(&[("text/html", &self.html()), ("text/plain", &self.text())]);
    }
}

impl Table for DataFrame {
    fn html(&self) -> String {
        let (columns, size) = shown(self);
        let cell = |tag: &str, column: &Column, text: &str| {
            // The side is written out: notebooks set all cells to the right.
            let side = if column.is_number { "right" } else { "left" };
            format!("<{tag} style=\"text-align:{side}\">{}</{tag}>", escaped(text))
        };
        let header: String = columns.iter().map(|column| cell("th", column, &column.name)).collect();
        let row =
            |index: usize| columns.iter().map(|column| cell("td", column, &column.cells[index])).collect::<String>();
        let height = columns.first().map_or(0, |column| column.cells.len());
        let body: String = (0..height).map(|index| format!("<tr>{}</tr>\n", row(index))).collect();
        let size = size.map_or(String::new(), |size| format!("\n<p>{size}</p>"));
        format!("<table>\n<thead><tr>{header}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>{size}")
    }

    fn text(&self) -> String {
        let (columns, size) = shown(self);
        let columns: Vec<_> = columns.iter().map(Column::lines).collect();
        let height = columns.first().map_or(0, Vec::len);
        let line = |index: usize| columns.iter().map(|lines| lines[index].as_str()).collect::<Vec<_>>().join(" | ");
        let lines: Vec<_> = (0..height).map(|index| format!("| {} |", line(index))).collect();
        lines.join("\n") + &size.map_or(String::new(), |size| format!("\n\n{size}"))
    }

    fn csv(&self) -> String {
        let header: Vec<_> = self.columns().iter().map(|column| quoted(column.name())).collect();
        let rows = (0..self.height()).filter_map(|row| self.get(row));
        let rows = rows.map(|values| values.iter().map(csv_cell).collect::<Vec<_>>());
        let lines = [header].into_iter().chain(rows).map(|cells| cells.join(","));
        // A line without a character would be none.
        lines.map(|line| if line.is_empty() { "\"\"\n".into() } else { line + "\n" }).collect()
    }
}

/// A column as readers see it.
struct Column {
    name: String,
    is_number: bool,
    cells: Vec<String>,
}

/// Returns a frame's columns as readers see them, and its size where rows are left out.
fn shown(frame: &DataFrame) -> (Vec<Column>, Option<String>) {
    let (height, width) = frame.shape();
    let is_long = height > MOST_ROWS;
    let left_out = if is_long { ROWS_AT_EACH_END..height - ROWS_AT_EACH_END } else { height..height };
    let columns = frame.columns().iter().map(|column| {
        let rows = (0..left_out.start).chain(left_out.end..height);
        let values: Vec<_> = rows.filter_map(|row| column.get(row).ok()).collect();
        let decimals = decimals(values.iter().filter(|value| value.is_float()).filter_map(|value| value.extract()));
        let mut cells: Vec<_> = values.iter().map(|value| cell(value, decimals)).collect();
        if is_long {
            cells.insert(ROWS_AT_EACH_END, "…".into());
        }
        Column { name: column.name().to_string(), is_number: column.dtype().is_primitive_numeric(), cells }
    });
    let size = is_long.then(|| format!("{} rows × {} columns", with_commas(height), with_commas(width)));
    (columns.collect(), size)
}

impl Column {
    /// Returns the name, a rule and the cells, all of one width.
    fn lines(&self) -> Vec<String> {
        let in_one_line = |text: &String| text.replace('|', "\\|").replace(['\n', '\r'], " ");
        let (name, cells) = (in_one_line(&self.name), self.cells.iter().map(in_one_line).collect::<Vec<_>>());
        let width = cells.iter().chain([&name]).map(|text| text.chars().count()).max().unwrap_or(0).max(3);
        let padded = |text: &String| if self.is_number { format!("{text:>width$}") } else { format!("{text:<width$}") };
        let dashes = "-".repeat(width - 1);
        let rule = if self.is_number { format!("{dashes}:") } else { format!(":{dashes}") };
        [padded(&name), rule].into_iter().chain(cells.iter().map(padded)).collect()
    }
}

fn cell(value: &AnyValue, decimals: usize) -> String {
    match value {
        AnyValue::Null => String::new(),
        AnyValue::Float32(number) => rounded(f64::from(*number), decimals),
        AnyValue::Float64(number) => rounded(*number, decimals),
        other => other.get_str().map_or_else(|| other.to_string(), String::from),
    }
}

/// Writes a number with so many decimals; one that is above 0 is not shown as 0.
fn rounded(number: f64, decimals: usize) -> String {
    let smallest = 0.1_f64.powi(decimals as i32);
    if number > 0.0 && number < smallest / 2.0 { format!("< {smallest:.decimals$}") } else { fixed(number, decimals) }
}

/// Writes a value with all its digits: polars itself rounds floats and shortens lists.
fn in_full(value: &AnyValue) -> String {
    match value {
        AnyValue::Float32(number) => number.to_string(),
        AnyValue::Float64(number) => number.to_string(),
        AnyValue::List(items) => {
            let items: Vec<_> = items.iter().map(|item| in_full(&item)).collect();
            format!("[{}]", items.join(", "))
        }
        other => other.get_str().map_or_else(|| other.to_string(), String::from),
    }
}

fn csv_cell(value: &AnyValue) -> String {
    if value.is_null() { String::new() } else { quoted(&in_full(value)) }
}

fn quoted(text: &str) -> String {
    if text.is_empty() || text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use polars::prelude::{IntoColumn, NamedFrom, Series, df};

    use super::*;

    fn frame() -> DataFrame {
        df!["digit" => ["1 < 2", "a,\"b\""], "f1" => [Some(0.25), None], "count" => [3_i64, 4]].unwrap()
    }

    fn long(rows: i64) -> DataFrame {
        df!["row" => (0..rows).collect::<Vec<_>>(), "half" => (0..rows).map(|row| row as f64 / 2.0).collect::<Vec<_>>()]
            .unwrap()
    }

    #[test]
    fn html_escapes_text_and_rounds_floats() {
        let html = frame().html();
        assert!(
            html.contains("<td style=\"text-align:left\">1 &lt; 2</td><td style=\"text-align:right\">0.25</td>"),
            "{html}"
        );
        assert!(html.contains("a,&quot;b&quot;</td><td style=\"text-align:right\"></td>"), "{html}");
        let html = df!["<it's>" => [0.123_456_f32]].unwrap().html();
        assert!(html.contains("&lt;it&#39;s&gt;</th>") && html.contains(">0.1235</td>"), "{html}");
    }

    #[test]
    fn what_is_above_0_is_not_shown_as_0() {
        let cells = shown(&df!["p" => [0.0, 0.000_001, 0.0002, -0.000_001, 0.5]].unwrap()).0.remove(0).cells;
        assert_eq!(cells, ["0.0000", "< 0.0001", "0.0002", "0.0000", "0.5000"]);
    }

    #[test]
    fn plain_text_has_the_same_cells_in_columns() {
        assert_eq!(
            frame().text(),
            "| digit |   f1 | count |\n| :---- | ---: | ----: |\n| 1 < 2 | 0.25 |     3 |\n| a,\"b\" |      |     4 |"
        );
        let text = df!["a|b" => ["one\ntwo", "·"]].unwrap().text();
        assert_eq!(text, "| a\\|b    |\n| :------ |\n| one two |\n| ·       |");
        let long = long(50).text();
        assert_eq!(long.lines().count(), 25);
        assert!(long.ends_with("|  49 | 24.5 |\n\n50 rows × 2 columns"), "{long}");
    }

    #[test]
    fn a_long_frame_is_shown_by_both_its_ends_and_its_size() {
        let html = long(10_000).html();
        // The header, ten rows, an ellipsis and ten rows.
        assert_eq!(html.matches("<tr>").count(), 22);
        assert!(html.contains(">9</td>") && !html.contains(">10</td>"), "{html}");
        assert!(!html.contains(">9989</td>") && html.contains(">9990</td>"), "{html}");
        assert!(html.ends_with("</table>\n<p>10,000 rows × 2 columns</p>"), "{html}");
        assert_eq!(long(10_000).csv().lines().count(), 10_001);
        // The longest that is shown whole.
        assert!(long(40).html().ends_with("</table>"));
        assert_eq!((long(40).html().matches("<tr>").count(), long(0).html().matches("<tr>").count()), (41, 1));
    }

    #[test]
    fn csv_quotes_what_would_end_a_cell_and_leaves_missing_values_empty() {
        assert_eq!(frame().csv(), "digit,f1,count\n1 < 2,0.25,3\n\"a,\"\"b\"\"\",,4\n");
        assert_eq!(df!["share" => [Some(0.5), None]].unwrap().csv(), "share\n0.5\n\"\"\n");
        // polars keeps the text of a single row in another way.
        assert_eq!(df!["digit" => ["4 to 9"]].unwrap().csv(), "digit\n4 to 9\n");
        let texts = df!["a,b" => [Some("one\rtwo"), Some(""), None], "right" => [Some(true), Some(false), None]];
        assert_eq!(texts.unwrap().csv(), "\"a,b\",right\n\"one\rtwo\",true\n\"\",false\n,\n");
    }

    #[test]
    fn csv_keeps_all_digits_in_lists_too() {
        let third = [1.0 / 3.0_f32];
        assert_eq!(df!["share" => third].unwrap().csv(), "share\n0.33333334\n");
        let lists = [Series::new("".into(), [0.1, 1.0 / 3.0]), Series::new("".into(), [0.5])];
        let column = Series::new("shares".into(), lists).into_column();
        let frame = DataFrame::new(2, vec![column]).unwrap();
        assert_eq!(frame.csv(), "shares\n\"[0.1, 0.3333333333333333]\"\n[0.5]\n");
    }

    #[test]
    fn a_printed_frame_shows_its_rows() {
        let text = frame().to_string();
        assert!(text.contains("shape: (2, 3)") && text.contains("1 < 2") && text.contains("0.25"), "{text}");
    }
}
