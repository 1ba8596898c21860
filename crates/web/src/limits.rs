//! Limits. The last word of a name is its unit.

/// Open connections: ten thousand that are idle, and some that work.
pub const CONNECTIONS_MAX: usize = 12_000;
/// Where the system allows fewer files, terminals have theirs first, and the API these.
pub const CONNECTIONS_MIN: usize = 256;
/// Of all connections this part is for others than the address that has most.
pub const KEPT_CONNECTIONS_DIVISOR: usize = 8;
/// Requests that are worked on or wait for it. More are answered with 503.
pub const REQUESTS_MAX: usize = 2_048;
/// Requests that talk to the books at once, each on a thread of its own.
pub const WORKERS_MAX: usize = 64;
/// Questions to the views at once that take longer than a moment: each has pages of the views in
/// memory, and two cores are not quicker with more.
pub const QUESTIONS_MAX: usize = 12;
/// Commands that wait at once for their turn of the engine: those of the door wait behind them.
pub const TURNS_WAITING_MAX: usize = 32;
/// Of the head of a request.
pub const HEAD_BYTES_MAX: usize = 16 << 10;
/// A connection without a whole head is closed after this.
pub const HEAD_SECONDS_MAX: u64 = 30;
/// A handshake of TLS may take this long.
pub const HANDSHAKE_SECONDS_MAX: u64 = 10;
/// A connection whose reader takes nothing, or less than this, is closed after these seconds.
pub const READ_SECONDS_MAX: u64 = 60;
pub const READ_BYTES_MIN: usize = 16 << 10;
/// What the system keeps of an answer for a reader. A small one shows soon who does not read.
pub const SEND_BUFFER_BYTES: usize = 256 << 10;
/// Of answers that wait for their readers. More are answered with 503.
pub const WAITING_ANSWER_BYTES_MAX: usize = 512 << 20;
/// Of the body of a command.
pub const BODY_BYTES_MAX: usize = 1 << 20;
/// The body of a command arrives within this time.
pub const BODY_SECONDS_MAX: u64 = 20;
/// A file arrives within this time.
pub const FILE_SECONDS_MAX: u64 = 600;
/// A sender of a file may be silent this long.
pub const FILE_SILENCE_SECONDS_MAX: u64 = 30;
/// Files that are received or wait for their turn at once.
pub const FILES_MAX: usize = 4;
/// A file that was received waits so long for others to be carried out.
pub const FILES_WAIT_SECONDS_MAX: u64 = 120;
/// Objects and lists inside each other.
pub const JSON_DEPTH_MAX: usize = 32;
/// Of an Idempotency-Key.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 255;
/// How long a read waits for a position.
pub const POSITION_WAIT_MS_MAX: u64 = 250;
/// Principals whose last write is remembered, so that they read it.
pub const WRITERS_MAX: usize = 100_000;
/// Principals and addresses whose requests are counted.
pub const SENDERS_MAX: usize = 100_000;
/// Requests of an address without a sign-in, a second.
pub const UNKNOWN_REQUESTS_PER_SECOND_MAX: u32 = 20;
/// Checkouts that wait in the line, of all senders, of a session or key, and of an address.
pub const LINE_MAX: usize = 50_000;
pub const LINE_PER_PRINCIPAL_MAX: usize = 10_000;
pub const LINE_PER_ADDRESS_MAX: usize = 50;
/// Refusals that are kept for the pages of orders that waited.
pub const LATE_REFUSALS_MAX: usize = 1_000;
/// Of a text that a list is narrowed to.
pub const FILTER_CHARACTERS_MAX: usize = 500;
/// Offers on one page of the shop window, and its pages.
pub const SHOP_PAGE_OFFERS: usize = 24;
pub const SHOP_PAGES_MAX: u64 = 1_000;
/// Offers that the shop window finds. More are not in its lists.
pub const SHOP_OFFERS_MAX: usize = 500_000;
/// Pictures that are decoded at once.
pub const PICTURES_DECODED_MAX: usize = 2;
/// Of a text that is searched for.
pub const SEARCH_CHARACTERS_MAX: usize = 100;
/// Lines on one page of a list.
pub const PAGE_LINES_MAX: usize = 1_000;
/// Lines on a page, unless `limit` says otherwise.
pub const PAGE_LINES: usize = 100;
/// Exports at once.
pub const EXPORTS_MAX: usize = 4;
/// Of one sender, so that others have one too.
pub const EXPORTS_PER_SENDER_MAX: usize = 2;
/// An export that takes longer is cut off.
pub const EXPORT_SECONDS_MAX: u64 = 600;
/// Of a block of an export.
pub const EXPORT_BLOCK_BYTES: usize = 64 << 10;
/// Lines of a statement on one page.
pub const STATEMENT_PAGE_LINES: usize = 400;
/// Of a form's field beside a file.
pub const FILE_FIELD_BYTES_MAX: u64 = 4 << 10;
/// Questions to the provider of sign-ins at once. More are refused.
pub const PROVIDER_REQUESTS_MAX: usize = 8;
/// Of one question to the provider, from the first byte to the last.
pub const PROVIDER_SECONDS_MAX: u64 = 10;
pub const PROVIDER_ANSWER_BYTES_MAX: u64 = 256 << 10;
/// What the provider says of itself, and its keys, are read again after this.
pub const PROVIDER_KEPT_MS_MAX: u64 = 60 * 60 * 1000;
/// A stop waits this long for requests in work.
pub const STOP_SECONDS_MAX: u64 = 10;
/// Open connections of who watches this process.
pub const MONITORING_CONNECTIONS_MAX: usize = 32;
/// Threads that collect what they ask for.
pub const MONITORING_WORKERS_MAX: usize = 2;
pub const MONITORING_ANSWER_SECONDS_MAX: u64 = 5;
/// Parcels of a courier's tour that a phone has at most.
pub const TOUR_PARCELS_MAX: usize = 500;
