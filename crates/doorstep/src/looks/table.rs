//! Tables that fit the terminal: columns that matter less are left out where there is no room.

use crate::words::{left, right, say, width};

const GAP: &str = "  ";

pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

struct Column {
    title: &'static str,
    is_number: bool,
    /// Left out first where there is no room. The last one goes first.
    is_extra: bool,
}

impl Table {
    pub fn new() -> Table {
        Table { columns: Vec::new(), rows: Vec::new() }
    }

    pub fn text(self, title: &'static str) -> Table {
        self.column(title, false, false)
    }

    pub fn number(self, title: &'static str) -> Table {
        self.column(title, true, false)
    }

    /// A column that a narrow terminal does not show.
    pub fn extra(self, title: &'static str) -> Table {
        self.column(title, false, true)
    }

    pub fn column(mut self, title: &'static str, is_number: bool, is_extra: bool) -> Table {
        self.columns.push(Column { title, is_number, is_extra });
        self
    }

    pub fn row(&mut self, cells: impl Into<Vec<String>>) {
        let cells = cells.into();
        assert_eq!(cells.len(), self.columns.len(), "a cell for each column");
        self.rows.push(cells);
    }

    /// Prints the titles and the rows in at most `columns` columns, if the needed ones fit.
    pub fn print(self, columns: usize) {
        for line in self.lines(columns) {
            say!("{line}");
        }
    }

    fn lines(&self, columns: usize) -> Vec<String> {
        let widths: Vec<usize> =
            (0..self.columns.len()).map(|place| self.width_of(place)).collect();
        let mut shown: Vec<usize> = (0..self.columns.len()).collect();
        let total = |shown: &[usize]| {
            let content: usize = shown.iter().map(|place| widths[*place]).sum();
            content + GAP.len() * shown.len().saturating_sub(1)
        };
        while total(&shown) > columns {
            let Some(extra) = shown.iter().rposition(|place| self.columns[*place].is_extra) else {
                break;
            };
            shown.remove(extra);
        }
        let titles: Vec<String> =
            self.columns.iter().map(|column| column.title.to_owned()).collect();
        let lines = std::iter::once(&titles).chain(&self.rows).map(|cells| {
            let cells = shown.iter().map(|&place| match self.columns[place].is_number {
                true => right(&cells[place], widths[place]),
                false => left(&cells[place], widths[place]),
            });
            cells.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
        });
        lines.collect()
    }

    fn width_of(&self, place: usize) -> usize {
        let cells = self.rows.iter().map(|row| width(&row[place]));
        cells.chain([width(self.columns[place].title)]).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_that_matter_less_give_way() {
        let mut table = Table::new().text("运单").number("due").extra("seller");
        table.row(["7X".into(), "12.50".into(), "s-1".into()]);
        assert_eq!(table.lines(80), ["运单    due  seller", "7X    12.50  s-1"]);
        assert_eq!(table.lines(15), ["运单    due", "7X    12.50"]);
    }
}
