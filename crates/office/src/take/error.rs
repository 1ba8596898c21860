//! Why a file is not taken. Each error says what to do.

use std::io;

use files::incoming::RefusedFile;
use money::Currency;
use money::decimal::DecimalAmount;

use super::FileSourceKind;
use crate::files_in_hand::FILES_IN_HAND;

/// An amount of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    /// In minor units.
    pub minor: i64,
    pub currency: Currency,
}

impl std::fmt::Display for Balance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let amount = DecimalAmount::of_balance(self.minor.into(), self.currency);
        write!(f, "{amount} {}", self.currency)
    }
}

/// A file of the same sender that was taken before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenFile {
    /// Its number in the books.
    pub file: u32,
    /// Its last day.
    pub day: String,
    /// Its format or profile.
    pub form: String,
}

impl std::fmt::Display for TakenFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let TakenFile { file, day, form } = self;
        write!(f, "file {file} of {day}, which was taken as `{form}`")
    }
}

/// How the command line and messages call a source.
fn flag(party: FileSourceKind) -> &'static str {
    match party {
        FileSourceKind::Network => "--network",
        FileSourceKind::Wallet => "--wallet",
        FileSourceKind::Bank => "--bank",
        FileSourceKind::Firm => "--firm",
    }
}

/// Why nothing, or not all, of a file was taken.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    #[error(transparent)]
    File(#[from] RefusedFile),
    #[error(
        "{} {name}: the books have no such party; use one of: {}", flag(*.party), known.join(", ")
    )]
    UnknownSource { party: FileSourceKind, name: String, known: Vec<String> },
    #[error("the books have no bank account in {0}; register it with `doorstep setup bank`")]
    NoBank(Currency),
    #[error("the money is in one of several bank accounts; name it with --bank: {}", .0.join(", "))]
    WhichBank(Vec<String>),
    #[error(
        "the file is of `{found}`, but {} names `{wanted}`; give the file of `{wanted}`, or name \
         `{found}`", flag(*.party)
    )]
    OtherSource { party: FileSourceKind, wanted: String, found: String },
    #[error(
        "line {line}: {}; name the true sender", other_kind(*.party, .name)
    )]
    OtherKindOfFile { line: u32, name: String, party: FileSourceKind },
    #[error("the file is of another account than `{0}`; name its account with --bank")]
    OtherAccount(String),
    #[error("the file is in {found}, but `{name}` is in {wanted}; ask for the file in {wanted}")]
    OtherCurrency { name: String, found: Currency, wanted: Currency },
    #[error(
        "the file does not say of which day it is; give --date YYYY-MM-DD, or put the date into \
         the name of the file"
    )]
    WhichDay,
    #[error("--date names {wanted}, but the file says {found}; leave --date out")]
    OtherDay { wanted: String, found: String },
    #[error(
        "the books have every line of it from {0}: it is the same day in another form, and nothing \
         is left to do. If it is another file, and all of it was paid twice, give --accept-breaks"
    )]
    InOtherForm(TakenFile),
    #[error(
        "the books have {repeated} of its {lines} lines already, most likely from {taken}: ask for \
         a file with the other lines only. If these lines were paid twice, give --accept-breaks, \
         and each of them becomes a break"
    )]
    KnownInPart { taken: TakenFile, repeated: usize, lines: usize },
    #[error(
        "two of the files are of `{name}` on {day} (`{}` and `{}`), and {repeated} of the {lines} \
         lines of the second are in the first, too: give one of them. If these lines were paid \
         twice, give --accept-breaks", .forms[0], .forms[1]
    )]
    GivenTwice { name: String, day: String, forms: [String; 2], repeated: usize, lines: usize },
    #[error(
        "the books have each of its {lines} lines already, and nothing is left to do. If all of it \
         was paid twice, give --accept-breaks"
    )]
    LinesKnown { lines: usize },
    #[error(
        "none of its {lines} lines is what the books expect of `{name}`: it looks like the file \
         of another sender, or for other books. Name the true sender; if the file is right, give \
         --accept-breaks, and each line becomes a break"
    )]
    NothingExpected { name: String, lines: usize },
    #[error(
        "the statement up to {until} was taken before, as `{form}`, with the same balances: it is \
         the same statement in another form, and nothing is left to do"
    )]
    StatementInOtherForm { until: String, form: String },
    #[error(
        "a file of {from} was taken in part; give that one first, it is continued where it stopped"
    )]
    Unfinished { from: String },
    #[error(
        "the file is of {date}, and today is {today}: a file of a day to come is not taken. Ask \
         whoever made it for the right date, or correct this machine's clock"
    )]
    DayToCome { date: String, today: String },
    #[error("the file is settled on {0}, which is still to come: take it on that day")]
    NotSettled(String),
    #[error("the file of {from} was taken in part, and cannot be finished yet: {cause}")]
    StillUnfinished { from: String, cause: Box<TakeError> },
    #[error(
        "the statement begins on {from} and overlaps the one before, which ends on {until}; ask \
         for one from {until} on"
    )]
    Overlap { from: String, until: String },
    #[error(
        "the statement before ended on {until} with {closing}, but this one begins on {from} with \
         {opening}: entries are missing in between; give the statement with them first"
    )]
    Gap { until: String, closing: Balance, from: String, opening: Balance },
    #[error(
        "line {line}: the books refuse it: {refusal}. The lines before it are taken; when the \
         cause is mended, give the file again: it is continued there"
    )]
    LineRefused { line: u32, refusal: engine::Refusal },
    #[error("line {line}: no request can have its numbers; ask whoever made the file")]
    NotARequest { line: u32 },
    #[error(transparent)]
    Profile(files::profile::ProfileError),
    #[error(
        "{file}: {}; name its format with --profile: {}",
        if fits.is_empty() { "no format fits it".to_owned() }
        else { format!("several formats fit it ({})", fits.join(", ")) },
        known.join(", ")
    )]
    WhichFormat { file: String, fits: Vec<String>, known: Vec<String> },
    #[error("a file of the format {file} does not say whose it is; give --network or --wallet")]
    WhoseFile { file: String },
    #[error("the statement does not say which of our bank accounts it is of; give --bank")]
    WhoseStatement,
    #[error(
        "the file is a bank statement, and {} names no bank account; give --bank", flag(*.0)
    )]
    NotOfSource(FileSourceKind),
    #[error(
        "the file has only details or sums of what another file states; give it together with \
         that one, which has the payments or the booked entries"
    )]
    OnlyDetails,
    #[error(
        "line {line} of the statement: the notification has its bank reference with another \
         amount, or twice; ask the bank, or give the statement alone"
    )]
    NotificationDiffers { line: u32 },
    #[error(
        "no entry of the statement is in the notification; give it with the statement of its day"
    )]
    NotificationOfNoEntry,
    #[error("line {line}: the notifications have too many transactions; give them in parts")]
    TooManyDetails { line: u32 },
    #[error("line {line} of the fee details: a payment has two different fees; ask the network")]
    FeeTwice { line: u32 },
    #[error(
        "line {line}: the fee details say another fee than the file of the payments; ask the \
         network which one holds"
    )]
    FeeDiffers { line: u32 },
    #[error(
        "line {line} of the fee details is of no payment of the day; give the file of the \
         payments of the same day"
    )]
    FeeOfNoItem { line: u32 },
    #[error("line {line} of the sums: a merchant is there twice; ask the network")]
    MerchantTwice { line: u32 },
    #[error(
        "line {line} of the sums: the payments of this merchant add up to something else; give \
         all files of the day, or ask the network"
    )]
    MerchantSumDiffers { line: u32 },
    #[error("the sums leave out merchant {0}, which has payments; ask the network")]
    MerchantWithoutSum(String),
    #[error("the statement has no opening balance; ask the bank for one with balances")]
    NoBalances,
    #[error("the sum of the lines is larger than Doorstep supports; ask for the file in parts")]
    SumTooLarge,
    #[error(
        "the sheet has whole remittances and no parcels; ask the firm for the one with a line for \
         each parcel"
    )]
    SheetOfRemittances,
    #[error("a courier firm's sheet does not say whose it is; give --firm")]
    WhoseSheet,
    #[error(
        "no parcel of the sheet is with `{wanted}`; those of {} are with {}: give --firm {}, or \
         ask `{wanted}` for its own sheet",
        lines_text(.lines), .found.join(", "), .found.join(" or ")
    )]
    OtherFirm { wanted: String, found: Vec<String>, lines: Vec<u32> },
    #[error(
        "the profile `{profile}` says that amounts are in {found}, but `{name}` is in {wanted}; if \
         the sheet is in {wanted}, make a profile of your own: `doorstep profile show {profile} > \
         my-sheet.toml`, write currency = \"{wanted}\" in it, and give --profile my-sheet.toml"
    )]
    ProfileCurrency { profile: String, name: String, found: Currency, wanted: Currency },
    #[error("line {line}: the sheet does not say what was collected; ask the firm")]
    NothingCollected { line: u32 },
    #[error(
        "the copy of the file in the data directory was changed; give the file again, and look at \
         who can write there"
    )]
    CopyChanged,
    #[error("the entries cannot be matched: {0}")]
    Matching(recon::matching::MatchInputError),
    #[error("the books refuse the file: {0}")]
    Refused(engine::Refusal),
    #[error(transparent)]
    Journal(reports::ReportError),
    #[error("{FILES_IN_HAND} of the data directory: {0}; check the disk and the permissions")]
    Store(#[from] io::Error),
}

/// Lines that a message names.
pub const LINES_NAMED_MAX: usize = 5;

/// The first lines of a list, and how many more there are.
fn lines_text(lines: &[u32]) -> String {
    let named: Vec<String> = lines.iter().take(LINES_NAMED_MAX).map(u32::to_string).collect();
    let word = if lines.len() == 1 { "line" } else { "lines" };
    let more = lines.len().saturating_sub(LINES_NAMED_MAX);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{word} {}{more}", named.join(", "))
}

fn other_kind(party: FileSourceKind, name: &str) -> String {
    match party {
        FileSourceKind::Network => format!(
            "the file names orders of a wallet, but `{name}` is a card network, which names \
             retrieval references and trace numbers"
        ),
        _ => format!(
            "the file names retrieval references and trace numbers of a card network, but \
             `{name}` is a wallet, which names orders"
        ),
    }
}
