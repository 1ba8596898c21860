//! One field of a packager, as data.

/// What a field holds, in the letters of ISO 8583.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// `n`: decimal digits.
    N,
    /// `x+n`: `C` or `D`, then decimal digits. The length counts the letter.
    Xn,
    /// `an`: letters, digits and blanks.
    An,
    /// `ans`: any characters.
    Ans,
    /// `z`: the code set of tracks 2 and 3, `0` to `?`; the separator is `=` (nibble D).
    Z,
    /// `b`: bytes.
    B,
}

/// How the elements of a field are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// A byte for each character; bytes above 0x7F are of a code page that is not judged here.
    Ascii,
    /// A byte for each character, code page 037. Digits and letters are the same in 500 and 1047.
    Ebcdic,
    /// Two digits in a byte; the sign of `x+n` is one character of ASCII before them.
    Bcd,
    /// Bytes as they are.
    Binary,
    /// Two characters of ASCII, `0` to `F`, for each byte.
    Hex,
}

/// What makes a value whole that is shorter than its place.
///
/// In BCD this is the nibble beside an odd number of digits, in characters what fills a field of
/// fixed length. A number of fixed length always gets zeros on its left first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// On the left: the value is right aligned. The character, `b'0'` or `b'F'` in BCD.
    Left(u8),
    /// On the right: the value is left aligned.
    Right(u8),
}

/// How the count of a field of variable length is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountEncoding {
    /// A character of ASCII for each digit.
    Ascii,
    /// A character of EBCDIC for each digit.
    Ebcdic,
    /// Two digits in a byte, zero on the left.
    Bcd,
    /// A big-endian integer: one byte for LL, two for LLL.
    Binary,
}

/// What a count counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountUnit {
    /// Digits, characters, or bytes of a binary field.
    Elements,
    /// Bytes as encoded. In BCD an odd number of digits is then only known if the padding is `F`.
    Bytes,
}

/// The count before a value of variable length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    pub(crate) digits: u8,
    pub(crate) encoding: CountEncoding,
    pub(crate) unit: CountUnit,
}

impl Count {
    /// Two characters of ASCII.
    pub const LL_ASCII: Count = Count::elements(2, CountEncoding::Ascii);
    /// Three characters of ASCII.
    pub const LLL_ASCII: Count = Count::elements(3, CountEncoding::Ascii);
    /// Two characters of EBCDIC.
    pub const LL_EBCDIC: Count = Count::elements(2, CountEncoding::Ebcdic);
    /// Three characters of EBCDIC.
    pub const LLL_EBCDIC: Count = Count::elements(3, CountEncoding::Ebcdic);
    /// One byte of BCD.
    pub const LL_BCD: Count = Count::elements(2, CountEncoding::Bcd);
    /// Two bytes of BCD.
    pub const LLL_BCD: Count = Count::elements(3, CountEncoding::Bcd);
    /// One byte, up to 255.
    pub const LL_BINARY: Count = Count::elements(2, CountEncoding::Binary);
    /// Two bytes, big-endian.
    pub const LLL_BINARY: Count = Count::elements(3, CountEncoding::Binary);

    /// A count of elements with so many decimal digits: 2 is LL, 3 is LLL.
    ///
    /// # Panics
    ///
    /// Unless it has one to four digits. In a constant this is an error of the compiler.
    #[must_use]
    pub const fn elements(digits: u8, encoding: CountEncoding) -> Count {
        assert!(1 <= digits && digits <= 4, "a count has one to four digits");
        Count { digits, encoding, unit: CountUnit::Elements }
    }

    /// The same, counting encoded bytes.
    #[must_use]
    pub const fn of_bytes(self) -> Count {
        Count { unit: CountUnit::Bytes, ..self }
    }

    /// Its decimal digits, 1 to 4.
    #[must_use]
    pub const fn digits(self) -> u8 {
        self.digits
    }

    /// How it is written.
    #[must_use]
    pub const fn encoding(self) -> CountEncoding {
        self.encoding
    }

    /// What it counts.
    #[must_use]
    pub const fn unit(self) -> CountUnit {
        self.unit
    }

    /// How many bytes the count itself takes.
    #[must_use]
    pub const fn size_bytes(self) -> usize {
        match self.encoding {
            CountEncoding::Ascii | CountEncoding::Ebcdic => self.digits as usize,
            CountEncoding::Bcd | CountEncoding::Binary => self.digits.div_ceil(2) as usize,
        }
    }

    /// The largest count that can be written.
    #[must_use]
    pub const fn max(self) -> usize {
        match (self.encoding, self.digits) {
            (CountEncoding::Binary, 1 | 2) => 255,
            (CountEncoding::Binary, _) => 65_535,
            (_, 1) => 9,
            (_, 2) => 99,
            (_, 3) => 999,
            (_, _) => 9_999,
        }
    }
}

/// How long a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// Always so many elements.
    Fixed(u16),
    /// A count, then at most `max` elements.
    UpTo {
        /// The most elements.
        max: u16,
        /// How the count is written.
        count: Count,
    },
}

/// One field of a packager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldSpec {
    pub(crate) name: &'static str,
    pub(crate) content: Content,
    pub(crate) encoding: Encoding,
    pub(crate) length: Length,
    pub(crate) padding: Padding,
}

impl FieldSpec {
    /// A field that always has `length` elements.
    ///
    /// # Panics
    ///
    /// When the encoding does not fit the content: BCD is for `n`, `x+n` and `z`, binary and
    /// hexadecimal for `b`. In a constant this is an error of the compiler.
    #[must_use]
    pub const fn fixed(
        name: &'static str,
        content: Content,
        length: u16,
        encoding: Encoding,
    ) -> FieldSpec {
        FieldSpec::checked(name, content, Length::Fixed(length), encoding)
    }

    /// A field of up to `max` elements, with a count before them.
    ///
    /// # Panics
    ///
    /// As [`FieldSpec::fixed`], and when `max` cannot be written in the count.
    #[must_use]
    pub const fn up_to(
        name: &'static str,
        content: Content,
        max: u16,
        encoding: Encoding,
        count: Count,
    ) -> FieldSpec {
        let spec = FieldSpec::checked(name, content, Length::UpTo { max, count }, encoding);
        let counted = match count.unit {
            CountUnit::Elements => max as usize,
            CountUnit::Bytes => spec.encoded_bytes(max as usize),
        };
        assert!(counted <= count.max(), "the longest value must be countable");
        spec
    }

    const fn checked(
        name: &'static str,
        content: Content,
        length: Length,
        encoding: Encoding,
    ) -> FieldSpec {
        let fits = match encoding {
            Encoding::Ascii | Encoding::Ebcdic => !matches!(content, Content::B),
            Encoding::Bcd => matches!(content, Content::N | Content::Xn | Content::Z),
            Encoding::Binary | Encoding::Hex => matches!(content, Content::B),
        };
        assert!(fits, "this encoding cannot hold this content");
        let (Length::Fixed(elements) | Length::UpTo { max: elements, .. }) = length;
        assert!(elements > 0, "a field has at least one element");
        let padding = match content {
            Content::N | Content::Xn | Content::Z => Padding::Left(b'0'),
            Content::An | Content::Ans | Content::B => Padding::Right(b' '),
        };
        FieldSpec { name, content, encoding, length, padding }
    }

    /// The same field with another padding.
    ///
    /// Without this, digits are padded with `0` on the left and characters with blanks on the
    /// right.
    ///
    /// # Panics
    ///
    /// When the character is none of the content's.
    #[must_use]
    pub const fn padded(self, padding: Padding) -> FieldSpec {
        let (Padding::Left(fill) | Padding::Right(fill)) = padding;
        let fits = match self.encoding {
            Encoding::Bcd => matches!(fill, b'0'..=b'9' | b'A'..=b'F'),
            _ => matches!(fill, b' '..=b'~'),
        };
        assert!(fits, "this cannot be a padding");
        FieldSpec { padding, ..self }
    }

    /// What the field is called.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// What it holds.
    #[must_use]
    pub const fn content(&self) -> Content {
        self.content
    }

    /// How it is written.
    #[must_use]
    pub const fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// How long it is.
    #[must_use]
    pub const fn length(&self) -> Length {
        self.length
    }

    /// What makes a short value whole.
    #[must_use]
    pub const fn padding(&self) -> Padding {
        self.padding
    }

    /// How many bytes so many elements take.
    pub(crate) const fn encoded_bytes(&self, elements: usize) -> usize {
        match self.encoding {
            Encoding::Ascii | Encoding::Ebcdic | Encoding::Binary => elements,
            Encoding::Hex => elements * 2,
            Encoding::Bcd => match self.content {
                Content::Xn if elements > 0 => 1 + (elements - 1).div_ceil(2),
                _ => elements.div_ceil(2),
            },
        }
    }
}
