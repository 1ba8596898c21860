//! Invalid settings are refused.

use std::sync::Arc;

use keys::KeyStore;
use switch::{Settings, Switch, TerminalDialect};

use crate::world::*;

/// The error for settings with one change.
fn refused(change: impl Fn(&mut Settings)) -> String {
    let mut settings = settings(1, 1);
    change(&mut settings);
    let store: Arc<dyn KeyStore> = keys([TerminalDialect::DOORSTEP; 4]);
    Switch::new(settings, store).map(|_| ()).expect_err("the settings are invalid").to_string()
}

fn begins(change: impl Fn(&mut Settings), words: &str) {
    let said = refused(change);
    assert!(said.starts_with(words), "{said}");
}

#[test]
fn terminal_parameters_fit_their_digits() {
    let two = "it must be from 5 to 99; the parameter download has two digits";
    begins(|s| s.terminals.answer_s = 100, &format!("terminals.answer_seconds = 100: {two}"));
    begins(|s| s.terminals.answer_s = 0, &format!("terminals.answer_seconds = 0: {two}"));
    let reversals = "it must be from 1 to 99; the parameter download has two digits";
    begins(
        |s| s.terminals.reversal_attempts_max = 100,
        &format!("terminals.reversals = 100: {reversals}"),
    );
    begins(
        |s| s.terminals.reversal_attempts_max = 0,
        &format!("terminals.reversals = 0: {reversals}"),
    );
    let four = "it must be from 10 to 9999; the parameter download has four digits";
    begins(|s| s.terminals.echo_s = 10_000, &format!("terminals.echo_seconds = 10000: {four}"));
    begins(|s| s.terminals.echo_s = 0, &format!("terminals.echo_seconds = 0: {four}"));
    begins(|s| s.merchant.firms.push((FIRM, 10_000)), "merchant.firms = 10000: it must be from 0");
}

#[test]
fn the_network_timeout_is_a_second_below_the_terminals() {
    begins(
        |s| (s.terminals.answer_s, s.timing.answer_ms) = (20, 19_001),
        "timing.answer_ms = 19001: it must be from 1000 to 19000; terminals wait \
         terminals.answer_seconds = 20",
    );
    let mut settings = settings(1, 1);
    (settings.terminals.answer_s, settings.timing.answer_ms) = (20, 19_000);
    settings.check().unwrap();
}

#[test]
fn waits_have_a_minimum_and_a_maximum() {
    begins(|s| s.timing.answer_ms = 0, "timing.answer_ms = 0: it must be from 1000 to 59000");
    begins(|s| s.timing.answer_ms = u64::MAX, "timing.answer_ms = 9223372036854775807: ");
    begins(|s| s.timing.resend_max_ms = 0, "timing.chase_most_ms = 0: it must be from 1000");
    begins(|s| s.timing.resend_max_ms = u64::MAX, "timing.chase_most_ms = 9223372036854775807: ");
    begins(|s| s.timing.resend_first_ms = 0, "timing.chase_first_ms = 0: it must be from 100");
    begins(
        |s| s.timing.resend_first_ms = 60_001,
        "timing.chase_first_ms = 60001: it must be from 100 to 60000; the longest wait is \
         timing.chase_most_ms = 60000",
    );
    begins(|s| s.timing.link_answer_ms = 0, "timing.link_answer_ms = 0: it must be from 500");
    begins(|s| s.timing.link_answer_ms = 60_001, "timing.link_answer_ms = 60001: ");
    begins(
        |s| s.timing.echo_ms = 9_999,
        "timing.echo_ms = 9999: it must be from 10000 to 3600000; an echo may take \
         timing.link_answer_ms = 10000",
    );
    begins(|s| s.timing.qr_ms = 0, "timing.qr_ms = 0: it must be from 10000 to 3600000");
    begins(|s| s.timing.cooldown_ms = 3_600_001, "timing.rest_ms = 3600001: it must be from 0");
    begins(|s| s.utc_offset_minutes = i16::MIN, "utc_offset_minutes = -32768: it must be from");
}
