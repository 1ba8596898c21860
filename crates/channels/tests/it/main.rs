//! The channels against software of others: libraries that verify webhooks, a mail server, an SMS
//! centre, and stubs of platforms that check as the platforms do.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod mail;
mod peer;
mod platforms;
mod sms;
mod webhook;
