//! The channels against software of others: libraries that verify webhooks, a mail server, an SMS
//! centre, and stubs of platforms that check as the platforms do.

mod mail;
mod peer;
mod platforms;
mod sms;
mod webhook;
