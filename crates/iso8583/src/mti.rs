use std::fmt;

/// Message type indicator: version, class, function and origin, one decimal digit each.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mti(u16);

impl Mti {
    /// Authorisation request; UnionPay: pre-authorisation.
    pub const M0100: Mti = Mti(100);
    /// Authorisation response.
    pub const M0110: Mti = Mti(110);
    /// Authorisation advice.
    pub const M0120: Mti = Mti(120);
    /// Authorisation advice response.
    pub const M0130: Mti = Mti(130);
    /// Financial request: sale, void, balance.
    pub const M0200: Mti = Mti(200);
    /// Financial response.
    pub const M0210: Mti = Mti(210);
    /// Financial advice: refund, offline sale.
    pub const M0220: Mti = Mti(220);
    /// Financial advice response.
    pub const M0230: Mti = Mti(230);
    /// File update; UnionPay: a line of the batch upload.
    pub const M0320: Mti = Mti(320);
    /// Batch upload response.
    pub const M0330: Mti = Mti(330);
    /// Reversal request.
    pub const M0400: Mti = Mti(400);
    /// Repeat of a reversal request.
    pub const M0401: Mti = Mti(401);
    /// Reversal response.
    pub const M0410: Mti = Mti(410);
    /// Reversal advice.
    pub const M0420: Mti = Mti(420);
    /// Repeat of a reversal advice.
    pub const M0421: Mti = Mti(421);
    /// Reversal advice response.
    pub const M0430: Mti = Mti(430);
    /// Settlement (reconciliation) request.
    pub const M0500: Mti = Mti(500);
    /// Settlement response.
    pub const M0510: Mti = Mti(510);
    /// Network management request: sign-on, echo.
    pub const M0800: Mti = Mti(800);
    /// Network management response.
    pub const M0810: Mti = Mti(810);
    /// Network management advice; UnionPay: sign-off, status and parameter transfer.
    pub const M0820: Mti = Mti(820);
    /// Network management advice response.
    pub const M0830: Mti = Mti(830);

    /// `None` above 9999.
    #[must_use]
    pub const fn new(digits: u16) -> Option<Mti> {
        if digits <= 9_999 { Some(Mti(digits)) } else { None }
    }

    /// The four digits as a number: 200 for `0200`.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }

    #[must_use]
    pub fn digits(self) -> [u8; 4] {
        [1_000, 100, 10, 1].map(|place| b'0' + u8::try_from(self.0 / place % 10).unwrap_or(0))
    }

    /// `None` unless all four characters are digits.
    #[must_use]
    pub fn from_digits(digits: [u8; 4]) -> Option<Mti> {
        digits
            .iter()
            .try_fold(0, |sum, digit| {
                digit.is_ascii_digit().then(|| sum * 10 + u16::from(digit - b'0'))
            })
            .map(Mti)
    }

    const fn function(self) -> u16 {
        self.0 / 10 % 10
    }

    const fn origin(self) -> u16 {
        self.0 % 10
    }

    /// Whether an answer is due: a request, an advice or a notification, repeated or not.
    #[must_use]
    pub const fn is_request(self) -> bool {
        self.function().is_multiple_of(2)
    }

    #[must_use]
    pub const fn is_response(self) -> bool {
        !self.is_request()
    }

    /// Whether this is a repeat: its last digit is odd.
    #[must_use]
    pub const fn is_repeat(self) -> bool {
        self.origin() % 2 == 1
    }

    /// The type of the answer: 0210 for 0200, 0410 for 0400 and for its repeat 0401. `None` for a
    /// response.
    #[must_use]
    pub const fn response(self) -> Option<Mti> {
        if self.is_request() { Some(Mti(self.0 - self.origin() % 2 + 10)) } else { None }
    }

    /// The type of a repeat: 0401 for 0400. The repeat of a repeat is itself.
    #[must_use]
    pub const fn repeat(self) -> Mti {
        Mti(self.0 - self.origin() % 2 + 1)
    }
}

impl fmt::Display for Mti {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.0)
    }
}

impl fmt::Debug for Mti {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
