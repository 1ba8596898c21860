//! The drawn symbol against its modules.

use fast_qr::{ECL, QRBuilder};
use qr::{Background, QUIET_ZONE_MODULES, QrRule, QrSymbol, render};

use crate::support::EXAMPLE;

/// The modules of a picture by row; true: dark.
fn modules(picture: &str, background: Background) -> Vec<Vec<bool>> {
    let mut rows = Vec::new();
    for line in picture.lines() {
        let halves = |character| match character {
            '\u{2588}' => [true, true],
            '\u{2580}' => [true, false],
            '\u{2584}' => [false, true],
            ' ' => [false, false],
            other => panic!("{other:?} is no half block"),
        };
        let blocks: Vec<[bool; 2]> = line.chars().map(halves).collect();
        for half in [0, 1] {
            let dark = |block: &[bool; 2]| block[half] == (background == Background::Light);
            rows.push(blocks.iter().map(dark).collect());
        }
    }
    rows
}

#[test]
fn the_picture_shows_the_modules_and_the_quiet_zone() {
    let symbol = QRBuilder::new(EXAMPLE).ecl(ECL::M).build().unwrap();
    let quiet = QUIET_ZONE_MODULES;
    for background in [Background::Light, Background::Dark] {
        let rows = modules(&render(EXAMPLE, background).unwrap(), background);
        let side = symbol.size + 2 * quiet;
        assert_eq!(rows.len(), side + 1);
        for (row, drawn) in rows.iter().enumerate() {
            assert_eq!(drawn.len(), side);
            for (column, &dark) in drawn.iter().enumerate() {
                let symbol_has = |place: usize| (quiet..quiet + symbol.size).contains(&place);
                let inside = symbol_has(row) && symbol_has(column);
                let expected = inside && symbol[row - quiet][column - quiet].value();
                assert_eq!(dark, expected, "row {row}, column {column}, {background:?}");
            }
        }
    }
}

#[test]
fn the_two_backgrounds_are_inverted() {
    let light = modules(&render("0", Background::Light).unwrap(), Background::Light);
    let dark = modules(&render("0", Background::Dark).unwrap(), Background::Dark);
    assert_eq!(light, dark);
    assert_ne!(render("0", Background::Light), render("0", Background::Dark));
}

#[test]
fn the_smallest_symbol_has_its_finder_patterns_in_three_corners() {
    let matrix = QrSymbol::of("0").unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(matrix.size(), 21);
    for (top, left) in [(0, 0), (0, 14), (14, 0)] {
        for row in 0..7 {
            for column in 0..7 {
                let ring = row.min(6 - row).min(column).min(6 - column);
                assert_eq!(matrix.is_dark(top + row, left + column), ring != 1);
            }
        }
    }
    assert!(!matrix.is_dark(21, 0) && !matrix.is_dark(0, usize::MAX));
}

#[test]
fn the_longest_code_of_the_widest_characters_has_a_symbol() {
    let widest = "\u{20000}".repeat(qr::CODE_CHARACTERS_MAX);
    assert!(render(&widest, Background::Dark).is_ok());
}

#[test]
fn a_text_too_long_for_a_symbol_is_refused() {
    assert!(render(&"x".repeat(2_331), Background::Dark).is_ok());
    let error = render(&"x".repeat(2_332), Background::Dark).unwrap_err();
    assert_eq!(error.rule, QrRule::SymbolCapacity { bytes: 2_332 });
}
