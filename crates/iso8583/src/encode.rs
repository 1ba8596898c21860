//! Encodes a value as the bytes of a field.

use crate::alphabet::{ebcdic_of_ascii, nibble_of_hex, write_hex};
use crate::error::BuildRule;
use crate::field::Field;
use crate::spec::{
    FieldContent, FieldEncoding, FieldLength, FieldPadding, FieldSpec, LengthIndicator,
    LengthIndicatorEncoding, LengthUnit,
};
use crate::wiped::WipedBytes;

/// Writes characters with their length indicator. Returns the number of elements.
pub(crate) fn characters(
    spec: &FieldSpec,
    value: &[u8],
    out: &mut WipedBytes,
) -> Result<usize, BuildRule> {
    if spec.content == FieldContent::B {
        return Err(BuildRule::NotText);
    }
    let fill = filling(spec, value.len())?;
    check(spec, value)?;
    let elements = value.len() + fill.left + fill.right;
    count(spec, elements, out);
    match (spec.encoding, value) {
        (FieldEncoding::Bcd, [sign, digits @ ..]) if spec.content == FieldContent::Xn => {
            out.push(*sign);
            pack(spec.padding, digits, elements - 1, out);
        }
        (FieldEncoding::Bcd, _) => pack(spec.padding, value, elements, out),
        (
            FieldEncoding::Ascii
            | FieldEncoding::Ebcdic
            | FieldEncoding::Binary
            | FieldEncoding::Hex,
            _,
        ) => {
            let place = out.grow(elements);
            if fill.left + fill.right > 0 {
                place.fill(fill.character);
            }
            if let Some(place) = place.get_mut(fill.left..fill.left + value.len()) {
                place.copy_from_slice(value);
            }
            translate(spec, place);
        }
    }
    Ok(elements)
}

/// Writes bytes, or characters given as bytes, with their length indicator. Returns the number of
/// elements.
pub(crate) fn bytes(
    spec: &FieldSpec,
    value: &[u8],
    out: &mut WipedBytes,
) -> Result<usize, BuildRule> {
    if spec.content != FieldContent::B {
        return characters(spec, value, out);
    }
    filling(spec, value.len())?;
    count(spec, value.len(), out);
    if spec.encoding == FieldEncoding::Hex {
        write_hex(value, out.grow(value.len() * 2));
    } else {
        out.extend(value);
    }
    Ok(value.len())
}

/// Copies a received field unchanged into a packager that defines it identically.
pub(crate) fn received(field: &Field<'_>, out: &mut WipedBytes) -> Result<usize, BuildRule> {
    count(field.spec, field.elements, out);
    out.extend(field.raw);
    Ok(field.elements)
}

/// Padding on both sides of a value.
struct Filling {
    character: u8,
    left: usize,
    right: usize,
}

fn filling(spec: &FieldSpec, given: usize) -> Result<Filling, BuildRule> {
    let nothing = Filling { character: b' ', left: 0, right: 0 };
    match spec.length {
        FieldLength::Variable { max, .. } if given > usize::from(max) => {
            Err(BuildRule::TooLong { given, max: usize::from(max) })
        }
        FieldLength::Variable { .. } => Ok(nothing),
        FieldLength::Fixed(length) => {
            let expected = usize::from(length);
            let missing =
                expected.checked_sub(given).ok_or(BuildRule::TooLong { given, max: expected })?;
            match (missing, spec.content, spec.padding) {
                (0, ..) => Ok(nothing),
                (_, FieldContent::N, _) => Ok(Filling { character: b'0', left: missing, right: 0 }),
                (_, FieldContent::An | FieldContent::Ans, FieldPadding::Left(character)) => {
                    Ok(Filling { character, left: missing, right: 0 })
                }
                (_, FieldContent::An | FieldContent::Ans, FieldPadding::Right(character)) => {
                    Ok(Filling { character, left: 0, right: missing })
                }
                (_, FieldContent::Xn | FieldContent::Z | FieldContent::B, _) => {
                    Err(BuildRule::Length { given, expected })
                }
            }
        }
    }
}

fn check(spec: &FieldSpec, value: &[u8]) -> Result<(), BuildRule> {
    let code_page = spec.encoding == FieldEncoding::Ascii;
    let good = |at: usize, character: u8| match spec.content {
        FieldContent::N => character.is_ascii_digit(),
        FieldContent::Xn if at == 0 => matches!(character, b'C' | b'D'),
        FieldContent::Xn => character.is_ascii_digit(),
        FieldContent::An => character.is_ascii_alphanumeric() || character == b' ',
        FieldContent::Ans => matches!(character, b' '..=b'~') || code_page && character >= 0x80,
        FieldContent::Z => matches!(character, b'0'..=b'?' | b'D'),
        FieldContent::B => false,
    };
    match value.iter().enumerate().position(|(at, character)| !good(at, *character)) {
        None => Ok(()),
        Some(at) => Err(BuildRule::Character { at, content: letters(spec.content) }),
    }
}

const fn letters(content: FieldContent) -> &'static str {
    match content {
        FieldContent::N => "n",
        FieldContent::Xn => "x+n",
        FieldContent::An => "an",
        FieldContent::Ans => "ans",
        FieldContent::Z => "z",
        FieldContent::B => "b",
    }
}

/// Converts checked ASCII characters to the field's encoding. On a track, `D` also means the
/// separator.
fn translate(spec: &FieldSpec, characters: &mut [u8]) {
    if spec.content == FieldContent::Z {
        characters.iter_mut().filter(|byte| **byte == b'D').for_each(|byte| *byte = b'=');
    }
    if spec.encoding == FieldEncoding::Ebcdic {
        characters.iter_mut().for_each(|byte| *byte = ebcdic_of_ascii(*byte).unwrap_or(0));
    }
}

/// Packs checked digits; missing digits become zeros on the left.
fn pack(padding: FieldPadding, characters: &[u8], elements: usize, out: &mut WipedBytes) {
    let (FieldPadding::Left(fill) | FieldPadding::Right(fill)) = padding;
    let fill = nibble_of_hex(fill).unwrap_or(0);
    let odd = elements % 2 == 1;
    let packed = out.grow(elements.div_ceil(2));
    let beside = usize::from(odd && matches!(padding, FieldPadding::Left(_)));
    let first = beside + elements.saturating_sub(characters.len());
    for (place, character) in (first..).zip(characters) {
        let nibble = if *character == b'D' { 0x0D } else { character & 0x0F };
        if let Some(byte) = packed.get_mut(place / 2) {
            *byte |= if place.is_multiple_of(2) { nibble << 4 } else { nibble };
        }
    }
    match padding {
        FieldPadding::Left(_) if odd => {
            packed.iter_mut().take(1).for_each(|byte| *byte |= fill << 4);
        }
        FieldPadding::Right(_) if odd => {
            packed.iter_mut().last().into_iter().for_each(|b| *b |= fill);
        }
        FieldPadding::Left(_) | FieldPadding::Right(_) => {}
    }
}

fn count(spec: &FieldSpec, elements: usize, out: &mut WipedBytes) {
    let FieldLength::Variable { indicator: count, .. } = spec.length else { return };
    let counted = match count.unit {
        LengthUnit::Elements => elements,
        LengthUnit::Bytes => spec.encoded_bytes(elements),
    };
    let place = out.grow(count.size_bytes());
    for (place, byte) in place.iter_mut().rev().enumerate() {
        *byte = count_byte(count, counted, place);
    }
}

/// One byte of a length indicator; `place` 0 is the last byte. `counted` does not exceed
/// [`LengthIndicator::max`].
fn count_byte(count: LengthIndicator, counted: usize, place: usize) -> u8 {
    let base = match count.encoding {
        LengthIndicatorEncoding::Ascii | LengthIndicatorEncoding::Ebcdic => 10,
        LengthIndicatorEncoding::Bcd => 100,
        LengthIndicatorEncoding::Binary => 256,
    };
    let digit = (0..place).fold(counted, |rest, _| rest / base) % base;
    let digit = u8::try_from(digit).unwrap_or(0);
    match count.encoding {
        LengthIndicatorEncoding::Ascii => b'0' + digit,
        LengthIndicatorEncoding::Ebcdic => 0xF0 + digit,
        LengthIndicatorEncoding::Bcd => ((digit / 10) << 4) | (digit % 10),
        LengthIndicatorEncoding::Binary => digit,
    }
}
