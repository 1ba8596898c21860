//! Definition of one field in a packager.

/// Content of a field, in ISO 8583 notation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldContent {
    /// `n`: decimal digits.
    N,
    /// `x+n`: `C` or `D`, then decimal digits. The length includes the letter.
    Xn,
    /// `an`: letters, digits and blanks.
    An,
    /// `ans`: any characters.
    Ans,
    /// `z`: the code set of tracks 2 and 3, `0` to `?`. The separator is `=` (nibble D).
    Z,
    /// `b`: bytes.
    B,
}

/// Encoding of a field's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldEncoding {
    /// One byte per character. Bytes above 0x7F belong to a code page and are not checked.
    Ascii,
    /// One byte per character, code page 037. Digits and letters are the same in 500 and 1047.
    Ebcdic,
    /// Two digits per byte. The sign of `x+n` is one ASCII character before them.
    Bcd,
    Binary,
    /// Two ASCII characters, `0` to `F`, per byte.
    Hex,
}

/// Padding of a short value.
///
/// In BCD, the nibble beside an odd number of digits. In characters, what fills a field of fixed
/// length. A number of fixed length is first filled with zeros on the left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldPadding {
    /// The value is right-aligned. In BCD the character is a digit or `b'A'` to `b'F'`.
    Left(u8),
    /// The value is left-aligned.
    Right(u8),
}

/// Encoding of a length indicator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LengthIndicatorEncoding {
    /// One ASCII character per digit.
    Ascii,
    /// One EBCDIC character per digit.
    Ebcdic,
    /// Two digits per byte, padded with zero on the left.
    Bcd,
    /// A big-endian integer: one byte for LL, two for LLL.
    Binary,
}

/// The unit of a length indicator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LengthUnit {
    /// Digits, characters, or bytes of a binary field.
    Elements,
    /// Encoded bytes. In BCD an odd number of digits is then only recognised if the padding is `F`.
    Bytes,
}

/// The length before a value of variable length (LL, LLL).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LengthIndicator {
    pub(crate) digits: u8,
    pub(crate) encoding: LengthIndicatorEncoding,
    pub(crate) unit: LengthUnit,
}

impl LengthIndicator {
    /// Two ASCII characters.
    pub const LL_ASCII: LengthIndicator =
        LengthIndicator::elements(2, LengthIndicatorEncoding::Ascii);
    /// Three ASCII characters.
    pub const LLL_ASCII: LengthIndicator =
        LengthIndicator::elements(3, LengthIndicatorEncoding::Ascii);
    /// Two EBCDIC characters.
    pub const LL_EBCDIC: LengthIndicator =
        LengthIndicator::elements(2, LengthIndicatorEncoding::Ebcdic);
    /// Three EBCDIC characters.
    pub const LLL_EBCDIC: LengthIndicator =
        LengthIndicator::elements(3, LengthIndicatorEncoding::Ebcdic);
    /// One byte of BCD.
    pub const LL_BCD: LengthIndicator = LengthIndicator::elements(2, LengthIndicatorEncoding::Bcd);
    /// Two bytes of BCD.
    pub const LLL_BCD: LengthIndicator = LengthIndicator::elements(3, LengthIndicatorEncoding::Bcd);
    /// One byte, up to 255.
    pub const LL_BINARY: LengthIndicator =
        LengthIndicator::elements(2, LengthIndicatorEncoding::Binary);
    /// Two bytes, big-endian.
    pub const LLL_BINARY: LengthIndicator =
        LengthIndicator::elements(3, LengthIndicatorEncoding::Binary);

    /// A length in elements with `digits` decimal digits: 2 is LL, 3 is LLL.
    ///
    /// # Panics
    /// Unless `digits` is 1 to 4. In a constant this is a compile error.
    #[must_use]
    pub const fn elements(digits: u8, encoding: LengthIndicatorEncoding) -> LengthIndicator {
        assert!(1 <= digits && digits <= 4, "a count has one to four digits");
        LengthIndicator { digits, encoding, unit: LengthUnit::Elements }
    }

    /// Changes the unit to encoded bytes.
    #[must_use]
    pub const fn counting_bytes(self) -> LengthIndicator {
        LengthIndicator { unit: LengthUnit::Bytes, ..self }
    }

    /// Decimal digits, 1 to 4.
    #[must_use]
    pub const fn digits(self) -> u8 {
        self.digits
    }

    #[must_use]
    pub const fn encoding(self) -> LengthIndicatorEncoding {
        self.encoding
    }

    #[must_use]
    pub const fn unit(self) -> LengthUnit {
        self.unit
    }

    /// Size of the length indicator itself.
    #[must_use]
    pub const fn size_bytes(self) -> usize {
        match self.encoding {
            LengthIndicatorEncoding::Ascii | LengthIndicatorEncoding::Ebcdic => {
                self.digits as usize
            }
            LengthIndicatorEncoding::Bcd | LengthIndicatorEncoding::Binary => {
                self.digits.div_ceil(2) as usize
            }
        }
    }

    /// The largest length that it can express.
    #[must_use]
    pub const fn max(self) -> usize {
        match (self.encoding, self.digits) {
            (LengthIndicatorEncoding::Binary, 1 | 2) => 255,
            (LengthIndicatorEncoding::Binary, _) => 65_535,
            (_, 1) => 9,
            (_, 2) => 99,
            (_, 3) => 999,
            (_, _) => 9_999,
        }
    }
}

/// Length of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldLength {
    /// Exactly this many elements.
    Fixed(u16),
    /// A length indicator, then at most `max` elements.
    Variable { max: u16, indicator: LengthIndicator },
}

/// Definition of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldSpec {
    pub(crate) name: &'static str,
    pub(crate) content: FieldContent,
    pub(crate) encoding: FieldEncoding,
    pub(crate) length: FieldLength,
    pub(crate) padding: FieldPadding,
}

impl FieldSpec {
    /// A field of exactly `length` elements.
    ///
    /// # Panics
    /// If the encoding does not suit the content: BCD is for `n`, `x+n` and `z`; binary and
    /// hexadecimal are for `b`. In a constant this is a compile error.
    #[must_use]
    pub const fn fixed(
        name: &'static str,
        content: FieldContent,
        length: u16,
        encoding: FieldEncoding,
    ) -> FieldSpec {
        FieldSpec::checked(name, content, FieldLength::Fixed(length), encoding)
    }

    /// A field of up to `max` elements, preceded by a length indicator.
    ///
    /// # Panics
    /// As [`FieldSpec::fixed`], and if the length indicator cannot express `max`.
    #[must_use]
    pub const fn variable(
        name: &'static str,
        content: FieldContent,
        max: u16,
        encoding: FieldEncoding,
        count: LengthIndicator,
    ) -> FieldSpec {
        let spec = FieldSpec::checked(
            name,
            content,
            FieldLength::Variable { max, indicator: count },
            encoding,
        );
        let counted = match count.unit {
            LengthUnit::Elements => max as usize,
            LengthUnit::Bytes => spec.encoded_bytes(max as usize),
        };
        assert!(counted <= count.max(), "the length indicator cannot express the longest value");
        spec
    }

    const fn checked(
        name: &'static str,
        content: FieldContent,
        length: FieldLength,
        encoding: FieldEncoding,
    ) -> FieldSpec {
        let fits = match encoding {
            FieldEncoding::Ascii | FieldEncoding::Ebcdic => !matches!(content, FieldContent::B),
            FieldEncoding::Bcd => {
                matches!(content, FieldContent::N | FieldContent::Xn | FieldContent::Z)
            }
            FieldEncoding::Binary | FieldEncoding::Hex => matches!(content, FieldContent::B),
        };
        assert!(fits, "this encoding cannot hold this content");
        let (FieldLength::Fixed(elements) | FieldLength::Variable { max: elements, .. }) = length;
        assert!(elements > 0, "a field has at least one element");
        let padding = match content {
            FieldContent::N | FieldContent::Xn | FieldContent::Z => FieldPadding::Left(b'0'),
            FieldContent::An | FieldContent::Ans | FieldContent::B => FieldPadding::Right(b' '),
        };
        FieldSpec { name, content, encoding, length, padding }
    }

    /// Changes the padding. The default is `0` on the left for digits and blanks on the right for
    /// characters.
    ///
    /// # Panics
    /// If the encoding does not allow the padding character.
    #[must_use]
    pub const fn with_padding(self, padding: FieldPadding) -> FieldSpec {
        let (FieldPadding::Left(fill) | FieldPadding::Right(fill)) = padding;
        let fits = match self.encoding {
            FieldEncoding::Bcd => matches!(fill, b'0'..=b'9' | b'A'..=b'F'),
            _ => matches!(fill, b' '..=b'~'),
        };
        assert!(fits, "this encoding does not allow this padding character");
        FieldSpec { padding, ..self }
    }

    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    #[must_use]
    pub const fn content(&self) -> FieldContent {
        self.content
    }

    #[must_use]
    pub const fn encoding(&self) -> FieldEncoding {
        self.encoding
    }

    #[must_use]
    pub const fn length(&self) -> FieldLength {
        self.length
    }

    #[must_use]
    pub const fn padding(&self) -> FieldPadding {
        self.padding
    }

    /// Size of `elements` elements in bytes.
    pub(crate) const fn encoded_bytes(&self, elements: usize) -> usize {
        match self.encoding {
            FieldEncoding::Ascii | FieldEncoding::Ebcdic | FieldEncoding::Binary => elements,
            FieldEncoding::Hex => elements * 2,
            FieldEncoding::Bcd => match self.content {
                FieldContent::Xn if elements > 0 => 1 + (elements - 1).div_ceil(2),
                _ => elements.div_ceil(2),
            },
        }
    }
}
