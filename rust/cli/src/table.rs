//! Tables for people: aligned columns, the header in capitals, numbers to the right.

use std::fmt;

/// Between two columns.
const GAP: &str = "  ";

/// Rows under a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Column {
    name: &'static str,
    is_number: bool,
}

impl Table {
    /// Of these columns; a name that ends in `#` is of a column of numbers.
    pub(crate) fn new(columns: impl IntoIterator<Item = &'static str>) -> Self {
        let column = |name: &'static str| Column {
            name: name.trim_end_matches('#'),
            is_number: name.ends_with('#'),
        };
        Self { columns: columns.into_iter().map(column).collect(), rows: Vec::new() }
    }

    /// One more row; a cell without text is a `-`, so that columns can be counted.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let dashed = |cell: String| if cell.is_empty() { "-".to_owned() } else { cell };
        let row: Vec<_> = cells.into_iter().map(dashed).collect();
        assert_eq!(row.len(), self.columns.len(), "a row has a cell for each column");
        self.rows.push(row);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header: Vec<_> = self.columns.iter().map(|column| column.name.to_owned()).collect();
        let lines = || std::iter::once(&header).chain(&self.rows);
        let width = |index: usize| lines().map(|line| line[index].chars().count()).max();
        let widths: Vec<_> =
            (0..self.columns.len()).map(|index| width(index).unwrap_or(0)).collect();
        for line in lines() {
            let mut text = String::new();
            for ((cell, column), width) in line.iter().zip(&self.columns).zip(&widths) {
                if !text.is_empty() {
                    text.push_str(GAP);
                }
                let padding = " ".repeat(width - cell.chars().count());
                let (left, right) = if column.is_number {
                    (padding, cell.clone())
                } else {
                    (cell.clone(), padding)
                };
                text.push_str(&left);
                text.push_str(&right);
            }
            writeln!(f, "{}", text.trim_end())?;
        }
        Ok(())
    }
}

/// Numbers as one cell: `1,2,3`.
pub(crate) fn list(items: impl IntoIterator<Item = impl fmt::Display>) -> String {
    let items: Vec<_> = items.into_iter().map(|item| item.to_string()).collect();
    items.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_numbers_to_the_right_and_nothing_trails() {
        let mut table = Table::new(["TOPIC", "LAG#", "HOST"]);
        table.row(["a".into(), "5".into(), "h".into()]);
        table.row(["größer".into(), "1234".into(), String::new()]);
        assert_eq!(table.to_string(), "TOPIC    LAG  HOST\na          5  h\ngrößer  1234  -\n");
    }

    #[test]
    fn a_table_without_rows_is_its_header() {
        let table = Table::new(["TOPIC", "LAG#"]);
        assert_eq!(table.to_string(), "TOPIC  LAG\n");
    }

    #[test]
    fn a_list_is_one_cell() {
        assert_eq!(list([1, 2, 3]), "1,2,3");
        assert_eq!(list(Vec::<i32>::new()), "");
    }
}
