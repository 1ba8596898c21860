//! The table of requests in `docs/door/terminal.md`.

use iso8583::Mti;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TerminalRequestKind {
    SignOn,
    Echo,
    SignOff,
    Parameters,
    /// The list of the courier's parcels, or a part of it.
    Parcels,
    Balance,
    Sale,
    PreAuthorisation,
    /// Cancels a sale of the same batch.
    Void,
    VoidPreAuthorisation,
    Completion,
    Refund,
    /// A sale that the terminal approved by itself.
    Offline,
    Cash,
    CashRefund,
    /// A QR code to be paid.
    Qr,
    /// Asks whether a QR code is paid.
    QrStatus,
    QrRefund,
    /// Compares totals and closes the batch.
    Settlement,
    /// Lines of a closed batch.
    Upload,
    UploadEnd,
}

/// One row of the table.
pub(super) struct MessageRow {
    pub(super) mti: Mti,
    /// Field 3.
    pub(super) processing_code: Option<&'static str>,
    /// Field 25.
    pub(super) condition_code: Option<&'static str>,
    /// Field 60.1.
    pub(super) transaction_code: &'static str,
    /// Field 60.3.
    pub(super) management_code: &'static str,
}

/// The totals in which an approved transaction counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TotalsGroup {
    CardDebit,
    CardCredit,
    OtherDebit,
    OtherCredit,
    Uncounted,
}

impl TerminalRequestKind {
    pub(super) const fn message_row(self) -> MessageRow {
        const fn network(mti: Mti, network: &'static str) -> MessageRow {
            MessageRow {
                mti,
                processing_code: None,
                condition_code: None,
                transaction_code: "00",
                management_code: network,
            }
        }
        const fn money(
            mti: Mti,
            processing: &'static str,
            condition: &'static str,
            kind: &'static str,
        ) -> MessageRow {
            let (processing, condition) = (Some(processing), Some(condition));
            MessageRow {
                mti,
                processing_code: processing,
                condition_code: condition,
                transaction_code: kind,
                management_code: "",
            }
        }
        match self {
            TerminalRequestKind::SignOn => network(Mti::M0800, "003"),
            TerminalRequestKind::Echo => network(Mti::M0820, "301"),
            TerminalRequestKind::SignOff => network(Mti::M0820, "002"),
            TerminalRequestKind::Parameters => network(Mti::M0800, "360"),
            TerminalRequestKind::Parcels => network(Mti::M0800, "901"),
            TerminalRequestKind::Balance => money(Mti::M0200, "310000", "00", "01"),
            TerminalRequestKind::Sale => money(Mti::M0200, "000000", "00", "22"),
            TerminalRequestKind::PreAuthorisation => money(Mti::M0100, "030000", "06", "10"),
            TerminalRequestKind::Void => money(Mti::M0200, "200000", "00", "23"),
            TerminalRequestKind::VoidPreAuthorisation => money(Mti::M0100, "200000", "06", "11"),
            TerminalRequestKind::Completion => money(Mti::M0200, "000000", "06", "20"),
            TerminalRequestKind::Refund => money(Mti::M0220, "200000", "00", "25"),
            TerminalRequestKind::Offline => money(Mti::M0220, "000000", "00", "36"),
            TerminalRequestKind::Cash => money(Mti::M0200, "000000", "00", "80"),
            TerminalRequestKind::CashRefund => money(Mti::M0200, "200000", "00", "81"),
            TerminalRequestKind::Qr => money(Mti::M0200, "000000", "00", "82"),
            TerminalRequestKind::QrStatus => money(Mti::M0200, "310000", "00", "83"),
            TerminalRequestKind::QrRefund => money(Mti::M0200, "200000", "00", "84"),
            TerminalRequestKind::Settlement => network(Mti::M0500, "201"),
            TerminalRequestKind::Upload => network(Mti::M0320, "201"),
            TerminalRequestKind::UploadEnd => network(Mti::M0320, "202"),
        }
    }

    /// Whether both the request and a good answer carry a MAC.
    pub(super) const fn has_mac(self) -> bool {
        !matches!(self, TerminalRequestKind::SignOn | TerminalRequestKind::Echo)
    }

    /// Whether it is reversed if no answer arrives.
    #[must_use]
    pub const fn is_reversible(self) -> bool {
        match self {
            TerminalRequestKind::Sale
            | TerminalRequestKind::PreAuthorisation
            | TerminalRequestKind::Void
            | TerminalRequestKind::VoidPreAuthorisation
            | TerminalRequestKind::Completion
            | TerminalRequestKind::Cash
            | TerminalRequestKind::CashRefund
            | TerminalRequestKind::Qr
            | TerminalRequestKind::QrRefund => true,
            TerminalRequestKind::SignOn
            | TerminalRequestKind::Echo
            | TerminalRequestKind::SignOff
            | TerminalRequestKind::Parameters
            | TerminalRequestKind::Parcels
            | TerminalRequestKind::Balance
            | TerminalRequestKind::Refund
            | TerminalRequestKind::Offline
            | TerminalRequestKind::QrStatus
            | TerminalRequestKind::Settlement
            | TerminalRequestKind::Upload
            | TerminalRequestKind::UploadEnd => false,
        }
    }

    /// Whether it is repeated unchanged, before any other request, if no answer arrives.
    pub(super) const fn is_repeated_on_timeout(self) -> bool {
        matches!(
            self,
            TerminalRequestKind::Refund
                | TerminalRequestKind::Settlement
                | TerminalRequestKind::Upload
                | TerminalRequestKind::UploadEnd
        )
    }

    pub(super) const fn totals_group(self) -> TotalsGroup {
        match self {
            TerminalRequestKind::Sale
            | TerminalRequestKind::Completion
            | TerminalRequestKind::Offline => TotalsGroup::CardDebit,
            TerminalRequestKind::Void | TerminalRequestKind::Refund => TotalsGroup::CardCredit,
            TerminalRequestKind::Cash | TerminalRequestKind::Qr => TotalsGroup::OtherDebit,
            TerminalRequestKind::CashRefund | TerminalRequestKind::QrRefund => {
                TotalsGroup::OtherCredit
            }
            TerminalRequestKind::SignOn
            | TerminalRequestKind::Echo
            | TerminalRequestKind::SignOff
            | TerminalRequestKind::Parameters
            | TerminalRequestKind::Parcels
            | TerminalRequestKind::Balance
            | TerminalRequestKind::PreAuthorisation
            | TerminalRequestKind::VoidPreAuthorisation
            | TerminalRequestKind::QrStatus
            | TerminalRequestKind::Settlement
            | TerminalRequestKind::Upload
            | TerminalRequestKind::UploadEnd => TotalsGroup::Uncounted,
        }
    }
}
