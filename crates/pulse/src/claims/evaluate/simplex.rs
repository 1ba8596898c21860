//! Linear inequalities in numbers that are not negative, solved exactly.
//!
//! The simplex method on a table of integers that have one divisor in common, with Bland's rule: it
//! ends, and nothing is rounded.

use dashu_int::IBig;

/// Coefficients by variable: their sum is zero or less.
pub(super) type Row = Vec<(usize, IBig)>;

/// What the greatest value of a variable is.
pub(super) enum Greatest {
    /// No numbers satisfy the rows.
    Impossible,
    Unbounded,
    /// A fraction.
    Is(IBig, IBig),
}

/// `rows` hold, and `fixed` is 1. Finds the greatest value of `of` times `sign`.
pub(super) fn greatest(rows: &[Row], size: usize, fixed: usize, of: usize, sign: i8) -> Greatest {
    let mut table = Table::new(rows, size, fixed);
    if !table.find_any() {
        return Greatest::Impossible;
    }
    table.aim(of, sign);
    match table.climb() {
        true => Greatest::Is(table.value(), table.divisor),
        false => Greatest::Unbounded,
    }
}

/// Numbers satisfy the rows, with `fixed` as 1.
pub(super) fn is_possible(rows: &[Row], size: usize, fixed: usize) -> bool {
    Table::new(rows, size, fixed).find_any()
}

struct Table {
    /// The columns of variables that are zero, of the helper, and of bounds. The last row is what
    /// is to become greatest.
    cells: Vec<Vec<IBig>>,
    divisor: IBig,
    /// By row: its variable. Those from `size` on are the slacks of rows; the helper is the last.
    basic: Vec<usize>,
    /// By column: its variable.
    free: Vec<usize>,
    helper: usize,
}

impl Table {
    fn new(rows: &[Row], size: usize, fixed: usize) -> Table {
        let (helper, bounds) = (size + rows.len(), size + 1);
        let mut cells = vec![vec![IBig::ZERO; bounds + 1]; rows.len() + 1];
        for (row, cells) in rows.iter().zip(&mut cells) {
            cells[size] = IBig::NEG_ONE;
            for (variable, times) in row {
                match *variable == fixed {
                    true => cells[bounds] -= times,
                    false => cells[*variable] += times,
                }
            }
        }
        let free = (0..size).chain([helper]).collect();
        Table { cells, divisor: IBig::ONE, basic: (size..helper).collect(), free, helper }
    }

    fn bounds(&self) -> usize {
        self.free.len()
    }

    fn aims(&self) -> usize {
        self.basic.len()
    }

    fn value(&self) -> IBig {
        self.cells[self.aims()][self.bounds()].clone()
    }

    /// The greatest of `of` times `sign` is wanted.
    fn aim(&mut self, of: usize, sign: i8) {
        let (aims, bounds) = (self.aims(), self.bounds());
        let mut row = vec![IBig::ZERO; bounds + 1];
        if let Some(at) = self.free.iter().position(|variable| *variable == of) {
            row[at] = -&self.divisor * sign;
        } else if let Some(at) = self.basic.iter().position(|variable| *variable == of) {
            row.iter_mut().zip(&self.cells[at]).for_each(|(to, from)| *to = from * sign);
        }
        self.cells[aims] = row;
    }

    /// Lowers the helper, which loosens every row, to zero.
    fn find_any(&mut self) -> bool {
        let bounds = self.bounds();
        let lowest = (0..self.aims()).min_by_key(|row| &self.cells[*row][bounds]);
        let Some(lowest) = lowest.filter(|row| self.cells[*row][bounds] < IBig::ZERO) else {
            self.forget_helper();
            return true;
        };
        let helper_column = bounds - 1;
        self.aim(self.helper, -1);
        self.pivot(lowest, helper_column);
        self.climb();
        if self.value() < IBig::ZERO {
            return false;
        }
        if let Some(row) = self.basic.iter().position(|variable| *variable == self.helper) {
            let column = (0..self.bounds()).find(|it| !self.cells[row][*it].is_zero());
            match column {
                Some(column) => self.pivot(row, column),
                None => {
                    self.cells.remove(row);
                    self.basic.remove(row);
                    return true;
                }
            }
        }
        self.forget_helper();
        true
    }

    fn forget_helper(&mut self) {
        if let Some(column) = self.free.iter().position(|variable| *variable == self.helper) {
            self.free.remove(column);
            self.cells.iter_mut().for_each(|row| drop(row.remove(column)));
        }
    }

    /// Raises what is to become greatest. `false` if it has no bound.
    fn climb(&mut self) -> bool {
        loop {
            let aims = &self.cells[self.aims()];
            let rising = (0..self.bounds()).filter(|column| aims[*column] < IBig::ZERO);
            let Some(column) = rising.min_by_key(|column| self.free[*column]) else { return true };
            let mut tightest: Option<usize> = None;
            for row in (0..self.aims()).filter(|row| self.cells[*row][column] > IBig::ZERO) {
                let ratio = |row: usize, by: usize| {
                    &self.cells[row][self.bounds()] * &self.cells[by][column]
                };
                let is_tighter = tightest.is_none_or(|best| {
                    let (this, other) = (ratio(row, best), ratio(best, row));
                    (this, self.basic[row]) < (other, self.basic[best])
                });
                if is_tighter {
                    tightest = Some(row);
                }
            }
            let Some(row) = tightest else { return false };
            self.pivot(row, column);
        }
    }

    /// Exchanges the variables of a row and of a column. All divisions come out even.
    fn pivot(&mut self, row: usize, column: usize) {
        let pivot = self.cells[row][column].clone();
        let own = self.cells[row].clone();
        for (_, cells) in self.cells.iter_mut().enumerate().filter(|(at, _)| *at != row) {
            let times = std::mem::take(&mut cells[column]);
            for (place, cell) in cells.iter_mut().enumerate() {
                match place == column {
                    true => *cell = -&times,
                    false if times.is_zero() || own[place].is_zero() => {
                        if !cell.is_zero() {
                            *cell = &*cell * &pivot / &self.divisor;
                        }
                    }
                    false => *cell = (&*cell * &pivot - &times * &own[place]) / &self.divisor,
                }
            }
        }
        self.cells[row][column] = std::mem::replace(&mut self.divisor, pivot);
        if self.divisor < IBig::ZERO {
            self.divisor = -std::mem::take(&mut self.divisor);
            self.cells.iter_mut().flatten().for_each(|cell| *cell = -std::mem::take(cell));
        }
        std::mem::swap(&mut self.basic[row], &mut self.free[column]);
    }
}
