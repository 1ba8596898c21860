//! Limits. The last word of a name is its unit.

/// Of a name to sign in with.
pub const SIGN_IN_NAME_BYTES_MAX: usize = 64;
/// NIST SP 800-63B and ASVS 6.2.1: at least 8, better 15. A second factor is there for staff.
pub const PASSWORD_CHARACTERS_MIN: usize = 12;
/// ASVS 6.2.9: at least 64 must be possible. Longer texts only cost time.
pub const PASSWORD_CHARACTERS_MAX: usize = 128;
/// A session without a request ends after this (ASVS 7.3.1).
pub const SESSION_IDLE_MS_MAX: u64 = 15 * 60 * 1000;
/// A session ends after this, whatever happens (ASVS 7.3.2).
pub const SESSION_AGE_MS_MAX: u64 = 12 * 60 * 60 * 1000;
/// A step-up holds this long (ASVS 7.5.3).
pub const STEP_UP_MS_MAX: u64 = 5 * 60 * 1000;
/// Of a password that are neither a common word nor the name.
pub const PASSWORD_OWN_CHARACTERS_MIN: usize = 8;
/// A challenge for a passkey is good this long, as WebAuthn recommends.
pub const CHALLENGE_MS_MAX: u64 = 5 * 60 * 1000;
pub const PASSKEYS_PER_PERSON_MAX: u32 = 10;
pub const PASSKEY_NAME_CHARACTERS_MAX: usize = 40;
/// After a sign-in with a provider, our second factor is given within this time.
pub const PENDING_SIGN_IN_MS_MAX: u64 = 5 * 60 * 1000;
pub const LINKED_IDENTITIES_PER_PERSON_MAX: u32 = 5;
/// An ID token is used at once.
pub const ID_TOKEN_AGE_MS_MAX: u64 = 10 * 60 * 1000;
pub const ID_TOKEN_BYTES_MAX: usize = 16 << 10;
/// How far a provider's clock may be off.
pub const PROVIDER_CLOCK_OFF_MS_MAX: u64 = 60 * 1000;
/// Of one person. The oldest ends.
pub const SESSIONS_PER_PERSON_MAX: u32 = 10;
/// Wrong attempts with a name until the first wait.
pub const FREE_ATTEMPTS_MAX: u32 = 5;
/// An address can be that of a whole office.
pub const FREE_ATTEMPTS_PER_ADDRESS_MAX: u32 = 20;
/// The first wait. Each further wrong attempt doubles it.
pub const FIRST_WAIT_MS: u64 = 30 * 1000;
pub const WAIT_MS_MAX: u64 = 60 * 60 * 1000;
/// Wrong attempts are forgotten after a day without one.
pub const ATTEMPTS_KEPT_MS: u64 = 24 * 60 * 60 * 1000;
/// Accounts and addresses with wrong attempts that are remembered.
pub const ATTEMPT_ROWS_MAX: u32 = 100_000;
/// Passwords that are hashed at once: each takes [`ARGON2_MEMORY_KIB`].
pub const HASHES_AT_ONCE_MAX: usize = 4;
/// A secret that sets the first password is good this long.
pub const SETTING_SECRET_MS_MAX: u64 = 7 * 24 * 60 * 60 * 1000;
/// A buyer's link is good this long at most.
pub const LINK_MS_MAX: u64 = 90 * 24 * 60 * 60 * 1000;
/// Sign-ins in one store.
pub const SIGN_INS_MAX: u32 = 100_000;
/// Sessions whose tokens are known without a look into the file.
pub const KNOWN_SESSIONS_MAX: usize = 100_000;
/// Persons and keys whose last standing is kept in memory.
pub const KNOWN_STANDINGS_MAX: usize = 100_000;
/// Events that wait for the journal.
pub const WAITING_EVENTS_MAX: u32 = 100_000;

/// argon2id as OWASP's Password Storage Cheat Sheet gives it: 19 MiB, two passes, one lane.
pub const ARGON2_MEMORY_KIB: u32 = 19 * 1024;
pub const ARGON2_PASSES: u32 = 2;
pub const ARGON2_LANES: u32 = 1;
pub const PASSWORD_HASH_BYTES: usize = 32;
pub const SALT_BYTES: usize = 16;

/// 160 bits, as RFC 4226 recommends for HMAC-SHA-1.
pub const TOTP_SECRET_BYTES: usize = 20;
pub const TOTP_STEP_S: u64 = 30;
/// Steps before and after now that count, for clocks that differ.
pub const TOTP_STEPS_OFF_MAX: u64 = 1;

/// 256 bits: sessions, keys, setting secrets.
pub const TOKEN_BYTES: usize = 32;
