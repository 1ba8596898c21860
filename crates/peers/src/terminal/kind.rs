//! The table of messages in `docs/door/terminal.md`.

use iso8583::Mti;

/// What a terminal asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Sign-on.
    SignOn,
    /// Echo.
    Echo,
    /// Sign-off.
    SignOff,
    /// Parameters.
    Parameters,
    /// A card's balance.
    Balance,
    /// A sale by card.
    Sale,
    /// A pre-authorisation.
    PreAuthorisation,
    /// A sale taken back.
    Void,
    /// A pre-authorisation let go.
    VoidPreAuthorisation,
    /// A pre-authorisation taken.
    Completion,
    /// Money given back to a card.
    Refund,
    /// A sale that the terminal approved.
    Offline,
    /// Cash taken.
    Cash,
    /// Cash given back.
    CashBack,
    /// A QR code shown.
    Qr,
    /// A QR code asked about.
    QrStatus,
    /// A payment by QR given back.
    QrBack,
    /// The totals of a batch.
    Totals,
    /// Lines of a batch.
    Upload,
    /// The end of an upload.
    UploadEnd,
}

/// What stands in one row of the table.
pub(super) struct Row {
    pub(super) mti: Mti,
    /// Field 3.
    pub(super) processing: Option<&'static str>,
    /// Field 25.
    pub(super) condition: Option<&'static str>,
    /// 60.1.
    pub(super) kind: &'static str,
    /// 60.3.
    pub(super) network: &'static str,
}

/// In what totals an approved transaction counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counted {
    CardDebit,
    CardCredit,
    OtherDebit,
    OtherCredit,
    Nowhere,
}

impl Kind {
    pub(super) const fn row(self) -> Row {
        const fn network(mti: Mti, network: &'static str) -> Row {
            Row { mti, processing: None, condition: None, kind: "00", network }
        }
        const fn money(
            mti: Mti,
            processing: &'static str,
            condition: &'static str,
            kind: &'static str,
        ) -> Row {
            let (processing, condition) = (Some(processing), Some(condition));
            Row { mti, processing, condition, kind, network: "" }
        }
        match self {
            Kind::SignOn => network(Mti::M0800, "003"),
            Kind::Echo => network(Mti::M0820, "301"),
            Kind::SignOff => network(Mti::M0820, "002"),
            Kind::Parameters => network(Mti::M0800, "360"),
            Kind::Balance => money(Mti::M0200, "310000", "00", "01"),
            Kind::Sale => money(Mti::M0200, "000000", "00", "22"),
            Kind::PreAuthorisation => money(Mti::M0100, "030000", "06", "10"),
            Kind::Void => money(Mti::M0200, "200000", "00", "23"),
            Kind::VoidPreAuthorisation => money(Mti::M0100, "200000", "06", "11"),
            Kind::Completion => money(Mti::M0200, "000000", "06", "20"),
            Kind::Refund => money(Mti::M0220, "200000", "00", "25"),
            Kind::Offline => money(Mti::M0220, "000000", "00", "36"),
            Kind::Cash => money(Mti::M0200, "000000", "00", "80"),
            Kind::CashBack => money(Mti::M0200, "200000", "00", "81"),
            Kind::Qr => money(Mti::M0200, "000000", "00", "82"),
            Kind::QrStatus => money(Mti::M0200, "310000", "00", "83"),
            Kind::QrBack => money(Mti::M0200, "200000", "00", "84"),
            Kind::Totals => network(Mti::M0500, "201"),
            Kind::Upload => network(Mti::M0320, "201"),
            Kind::UploadEnd => network(Mti::M0320, "202"),
        }
    }

    /// Whether both the question and a good answer carry a MAC.
    pub(super) const fn has_mac(self) -> bool {
        !matches!(self, Kind::SignOn | Kind::Echo)
    }

    /// Whether it is reversed when no answer comes.
    #[must_use]
    pub const fn is_reversible(self) -> bool {
        match self {
            Kind::Sale
            | Kind::PreAuthorisation
            | Kind::Void
            | Kind::VoidPreAuthorisation
            | Kind::Completion
            | Kind::Cash
            | Kind::CashBack
            | Kind::Qr
            | Kind::QrBack => true,
            Kind::SignOn
            | Kind::Echo
            | Kind::SignOff
            | Kind::Parameters
            | Kind::Balance
            | Kind::Refund
            | Kind::Offline
            | Kind::QrStatus
            | Kind::Totals
            | Kind::Upload
            | Kind::UploadEnd => false,
        }
    }

    /// Whether it is sent again, as it was, when no answer comes, before anything else is.
    pub(super) const fn is_repeated(self) -> bool {
        matches!(self, Kind::Refund | Kind::Totals | Kind::Upload | Kind::UploadEnd)
    }

    pub(super) const fn counted(self) -> Counted {
        match self {
            Kind::Sale | Kind::Completion | Kind::Offline => Counted::CardDebit,
            Kind::Void | Kind::Refund => Counted::CardCredit,
            Kind::Cash | Kind::Qr => Counted::OtherDebit,
            Kind::CashBack | Kind::QrBack => Counted::OtherCredit,
            Kind::SignOn
            | Kind::Echo
            | Kind::SignOff
            | Kind::Parameters
            | Kind::Balance
            | Kind::PreAuthorisation
            | Kind::VoidPreAuthorisation
            | Kind::QrStatus
            | Kind::Totals
            | Kind::Upload
            | Kind::UploadEnd => Counted::Nowhere,
        }
    }
}
