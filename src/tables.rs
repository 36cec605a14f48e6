//! polars frames for readers: as a table in a notebook, and as a CSV file.

use std::path::Path;

use polars::prelude::{AnyValue, DataFrame};

use crate::{Result, files};

/// What this library adds to a [`DataFrame`]; it comes into scope with the [`prelude`](crate::prelude).
pub trait Table {
    /// The frame as an HTML table: numbers to the right, floats with four decimals.
    fn html(&self) -> String;

    /// The frame as comma-separated values with a header line; floats with all their digits.
    fn csv(&self) -> String;

    /// Writes [`Table::csv`] to a file.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) when the file cannot be written; then nothing is left of it.
    fn save_csv(&self, path: impl AsRef<Path>) -> Result<()>;

    /// Shows the frame in a notebook: evcxr calls this for the last value of a cell.
    fn evcxr_display(&self);
}

impl Table for DataFrame {
    fn html(&self) -> String {
        let header: String =
            self.columns().iter().map(|column| format!("<th>{}</th>", escaped(column.name()))).collect();
        let rows: String = (0..self.height())
            .map(|row| {
                let cells: String = self.columns().iter().map(|column| html_cell(column.get(row))).collect();
                format!("<tr>{cells}</tr>\n")
            })
            .collect();
        format!("<table>\n<thead><tr>{header}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>")
    }

    fn csv(&self) -> String {
        let header: Vec<_> = self.columns().iter().map(|column| quoted(column.name())).collect();
        let mut text = header.join(",") + "\n";
        for row in 0..self.height() {
            let cells: Vec<_> = self.columns().iter().map(|column| csv_cell(column.get(row))).collect();
            text += &(cells.join(",") + "\n");
        }
        text
    }

    fn save_csv(&self, path: impl AsRef<Path>) -> Result<()> {
        files::write(path, self.csv())
    }

    fn evcxr_display(&self) {
        println!("EVCXR_BEGIN_CONTENT text/html\n{}\nEVCXR_END_CONTENT", self.html());
    }
}

/// A row that is not there shows as a missing value does.
fn html_cell<E>(value: std::result::Result<AnyValue, E>) -> String {
    let value = value.unwrap_or(AnyValue::Null);
    if let Some(text) = value.get_str() {
        return format!("<td style=\"text-align:left\">{}</td>", escaped(text));
    }
    match value {
        AnyValue::Null => "<td></td>".into(),
        AnyValue::Float64(number) => format!("<td style=\"text-align:right\">{number:.4}</td>"),
        other => format!("<td style=\"text-align:right\">{other}</td>"),
    }
}

fn csv_cell<E>(value: std::result::Result<AnyValue, E>) -> String {
    let value = value.unwrap_or(AnyValue::Null);
    if let Some(text) = value.get_str() {
        return quoted(text);
    }
    match value {
        AnyValue::Null => String::new(),
        AnyValue::Float64(number) => number.to_string(),
        other => other.to_string(),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.into() }
}

#[cfg(test)]
mod tests {
    use polars::prelude::df;

    use super::*;

    fn frame() -> DataFrame {
        df!["digit" => ["1 < 2", "a,\"b\""], "f1" => [Some(0.25), None], "count" => [3_i64, 4]].unwrap()
    }

    #[test]
    fn html_escapes_text_and_rounds_floats() {
        let html = frame().html();
        assert!(
            html.contains("<td style=\"text-align:left\">1 &lt; 2</td><td style=\"text-align:right\">0.2500</td>"),
            "{html}"
        );
        assert!(html.contains("<td></td><td style=\"text-align:right\">4</td>"), "{html}");
    }

    #[test]
    fn csv_quotes_commas_and_leaves_missing_values_empty() {
        assert_eq!(frame().csv(), "digit,f1,count\n1 < 2,0.25,3\n\"a,\"\"b\"\"\",,4\n");
        // polars keeps the text of a single row in another way.
        assert_eq!(df!["digit" => ["4 to 9"]].unwrap().csv(), "digit\n4 to 9\n");
    }
}
