//! From a value to the bytes of a field.

use crate::alphabet::{ebcdic_of_ascii, hex_of_nibble, nibble_of_hex};
use crate::error::BuildRule;
use crate::field::Field;
use crate::spec::{Content, Count, CountEncoding, CountUnit, Encoding, FieldSpec, Length, Padding};
use crate::wiped::Wiped;

/// Writes characters with their count, and says how many elements the field has.
pub(crate) fn characters(
    spec: &FieldSpec,
    value: &[u8],
    out: &mut Wiped,
) -> Result<usize, BuildRule> {
    if spec.content == Content::B {
        return Err(BuildRule::NotText);
    }
    let fill = filling(spec, value.len())?;
    check(spec, value)?;
    let elements = value.len() + fill.left + fill.right;
    count(spec, elements, out);
    match (spec.encoding, value) {
        (Encoding::Bcd, [sign, digits @ ..]) if spec.content == Content::Xn => {
            out.push(*sign);
            pack(spec.padding, digits, elements - 1, out);
        }
        (Encoding::Bcd, _) => pack(spec.padding, value, elements, out),
        (Encoding::Ascii | Encoding::Ebcdic | Encoding::Binary | Encoding::Hex, _) => {
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

/// Writes bytes, or characters that are there as bytes, with their count, and says how many there
/// are.
pub(crate) fn bytes(spec: &FieldSpec, value: &[u8], out: &mut Wiped) -> Result<usize, BuildRule> {
    if spec.content != Content::B {
        return characters(spec, value, out);
    }
    filling(spec, value.len())?;
    count(spec, value.len(), out);
    if spec.encoding == Encoding::Hex {
        for byte in value {
            out.push(hex_of_nibble(byte >> 4));
            out.push(hex_of_nibble(*byte));
        }
    } else {
        out.extend(value);
    }
    Ok(value.len())
}

/// Writes a received field as it is, for a packager that has the same one.
pub(crate) fn received(field: &Field<'_>, out: &mut Wiped) -> Result<usize, BuildRule> {
    count(field.spec, field.elements, out);
    out.extend(field.raw);
    Ok(field.elements)
}

/// What a value gets on its sides.
struct Filling {
    character: u8,
    left: usize,
    right: usize,
}

fn filling(spec: &FieldSpec, given: usize) -> Result<Filling, BuildRule> {
    let nothing = Filling { character: b' ', left: 0, right: 0 };
    match spec.length {
        Length::UpTo { max, .. } if given > usize::from(max) => {
            Err(BuildRule::TooLong { given, max: usize::from(max) })
        }
        Length::UpTo { .. } => Ok(nothing),
        Length::Fixed(length) => {
            let expected = usize::from(length);
            let missing =
                expected.checked_sub(given).ok_or(BuildRule::TooLong { given, max: expected })?;
            match (missing, spec.content, spec.padding) {
                (0, ..) => Ok(nothing),
                (_, Content::N, _) => Ok(Filling { character: b'0', left: missing, right: 0 }),
                (_, Content::An | Content::Ans, Padding::Left(character)) => {
                    Ok(Filling { character, left: missing, right: 0 })
                }
                (_, Content::An | Content::Ans, Padding::Right(character)) => {
                    Ok(Filling { character, left: 0, right: missing })
                }
                (_, Content::Xn | Content::Z | Content::B, _) => {
                    Err(BuildRule::Length { given, expected })
                }
            }
        }
    }
}

fn check(spec: &FieldSpec, value: &[u8]) -> Result<(), BuildRule> {
    let code_page = spec.encoding == Encoding::Ascii;
    let good = |at: usize, character: u8| match spec.content {
        Content::N => character.is_ascii_digit(),
        Content::Xn if at == 0 => matches!(character, b'C' | b'D'),
        Content::Xn => character.is_ascii_digit(),
        Content::An => character.is_ascii_alphanumeric() || character == b' ',
        Content::Ans => matches!(character, b' '..=b'~') || code_page && character >= 0x80,
        Content::Z => matches!(character, b'0'..=b'?' | b'D'),
        Content::B => false,
    };
    match value.iter().enumerate().position(|(at, character)| !good(at, *character)) {
        None => Ok(()),
        Some(at) => Err(BuildRule::Character { at, content: letters(spec.content) }),
    }
}

const fn letters(content: Content) -> &'static str {
    match content {
        Content::N => "n",
        Content::Xn => "x+n",
        Content::An => "an",
        Content::Ans => "ans",
        Content::Z => "z",
        Content::B => "b",
    }
}

/// From checked characters of ASCII to those of the field. On a track, `D` is another way to
/// write the separator.
fn translate(spec: &FieldSpec, characters: &mut [u8]) {
    if spec.content == Content::Z {
        characters.iter_mut().filter(|byte| **byte == b'D').for_each(|byte| *byte = b'=');
    }
    if spec.encoding == Encoding::Ebcdic {
        characters.iter_mut().for_each(|byte| *byte = ebcdic_of_ascii(*byte).unwrap_or(0));
    }
}

/// Packs checked digits, those that are missing as zeros on the left.
fn pack(padding: Padding, characters: &[u8], elements: usize, out: &mut Wiped) {
    let (Padding::Left(fill) | Padding::Right(fill)) = padding;
    let fill = nibble_of_hex(fill).unwrap_or(0);
    let odd = elements % 2 == 1;
    let packed = out.grow(elements.div_ceil(2));
    let beside = usize::from(odd && matches!(padding, Padding::Left(_)));
    let first = beside + elements.saturating_sub(characters.len());
    for (place, character) in (first..).zip(characters) {
        let nibble = if *character == b'D' { 0x0D } else { character & 0x0F };
        if let Some(byte) = packed.get_mut(place / 2) {
            *byte |= if place.is_multiple_of(2) { nibble << 4 } else { nibble };
        }
    }
    match padding {
        Padding::Left(_) if odd => packed.iter_mut().take(1).for_each(|byte| *byte |= fill << 4),
        Padding::Right(_) if odd => packed.iter_mut().last().into_iter().for_each(|b| *b |= fill),
        Padding::Left(_) | Padding::Right(_) => {}
    }
}

fn count(spec: &FieldSpec, elements: usize, out: &mut Wiped) {
    let Length::UpTo { count, .. } = spec.length else { return };
    let counted = match count.unit {
        CountUnit::Elements => elements,
        CountUnit::Bytes => spec.encoded_bytes(elements),
    };
    let place = out.grow(count.size_bytes());
    for (place, byte) in place.iter_mut().rev().enumerate() {
        *byte = count_byte(count, counted, place);
    }
}

/// One byte of a count; the last has place 0. What it counts is below [`Count::max`].
fn count_byte(count: Count, counted: usize, place: usize) -> u8 {
    let base = match count.encoding {
        CountEncoding::Ascii | CountEncoding::Ebcdic => 10,
        CountEncoding::Bcd => 100,
        CountEncoding::Binary => 256,
    };
    let digit = (0..place).fold(counted, |rest, _| rest / base) % base;
    let digit = u8::try_from(digit).unwrap_or(0);
    match count.encoding {
        CountEncoding::Ascii => b'0' + digit,
        CountEncoding::Ebcdic => 0xF0 + digit,
        CountEncoding::Bcd => ((digit / 10) << 4) | (digit % 10),
        CountEncoding::Binary => digit,
    }
}
