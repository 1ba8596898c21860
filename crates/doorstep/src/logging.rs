//! The log of the long-running commands, on standard error: text or JSON lines.

use std::fmt;

use clap::{Args, ValueEnum};
use serde::Deserialize;
use tracing::Subscriber;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::{Layered, SubscriberExt};
use tracing_subscriber::{Layer, Registry, reload};

#[derive(Args, Clone, Copy, Debug)]
pub struct LogArgs {
    /// The format of the log on standard error
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = LogFormat::Text)]
    log_format: LogFormat,
    /// The lowest level that is logged
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t = LogLevel::Info)]
    log_level: LogLevel,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    Text,
    /// One JSON object per line
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
}

impl LogLevel {
    fn filter(self) -> LevelFilter {
        match self {
            LogLevel::Error => LevelFilter::ERROR,
            LogLevel::Warn => LevelFilter::WARN,
            LogLevel::Info => LevelFilter::INFO,
            LogLevel::Debug => LevelFilter::DEBUG,
        }
    }
}

/// The level of the process's log, which can change.
#[derive(Clone)]
pub struct CurrentLogLevel {
    usual: LogLevel,
    filter: reload::Handle<LevelFilter, Registry>,
}

impl CurrentLogLevel {
    /// Sets another level, or that of the command line.
    pub fn set(&self, level: Option<LogLevel>) -> anyhow::Result<()> {
        Ok(self.filter.reload(level.unwrap_or(self.usual).filter())?)
    }
}

/// RFC 3339 in UTC, with milliseconds.
struct UtcTime;

impl FormatTime for UtcTime {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        write!(writer, "{:.3}", jiff::Timestamp::now())
    }
}

impl LogArgs {
    /// Starts the log of the process.
    pub fn start(self) -> anyhow::Result<CurrentLogLevel> {
        let (subscriber, level) = self.subscriber(std::io::stderr);
        tracing::subscriber::set_global_default(subscriber)?;
        Ok(level)
    }

    fn subscriber<W>(self, writer: W) -> (Box<dyn Subscriber + Send + Sync>, CurrentLogLevel)
    where
        W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
    {
        let (filter, handle) = reload::Layer::new(self.log_level.filter());
        let filtered: Layered<_, Registry> = tracing_subscriber::registry().with(filter);
        // An error of standard error has no other way out, and must not stop payments.
        let log = tracing_subscriber::fmt::layer()
            .with_timer(UtcTime)
            .with_writer(writer)
            .log_internal_errors(false);
        let log = match self.log_format {
            LogFormat::Text => log.boxed(),
            LogFormat::Json => {
                let json = log.json().flatten_event(true);
                json.with_current_span(false).with_span_list(false).boxed()
            }
        };
        let level = CurrentLogLevel { usual: self.log_level, filter: handle };
        (Box::new(filtered.with(log)), level)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(log_format: LogFormat, log_level: LogLevel) -> String {
        let lines = Lines::default();
        let written = lines.clone();
        let arguments = LogArgs { log_format, log_level };
        let (subscriber, _) = arguments.subscriber(move || written.clone());
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(target: "switch", terminal = %"00000007", stan = 12, "approved");
            tracing::warn!(target: "host", reason = "a \"b\"\nc", "gateway refused");
        });
        String::from_utf8(lines.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn text_has_time_level_target_message_and_ids() {
        let text = logged(LogFormat::Text, LogLevel::Info);
        let lines: Vec<(&str, &str)> = text.lines().map(|line| line.split_at(24)).collect();
        let [(time, approved), (_, refused)] = lines[..] else { panic!("{text}") };
        assert!(time.parse::<jiff::Timestamp>().is_ok() && time.ends_with('Z'), "{text}");
        assert_eq!(approved, "  INFO switch: approved terminal=00000007 stan=12");
        // Text of others cannot begin a line.
        assert_eq!(refused, "  WARN host: gateway refused reason=\"a \\\"b\\\"\\nc\"");
    }

    #[test]
    fn a_json_line_has_time_level_target_message_and_ids() {
        let text = logged(LogFormat::Json, LogLevel::Info);
        let line: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        let time = line["timestamp"].as_str().unwrap();
        assert!(time.parse::<jiff::Timestamp>().is_ok() && time.ends_with('Z'), "{text}");
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["target"], "switch");
        assert_eq!(line["message"], "approved");
        assert_eq!(line["terminal"], "00000007");
        assert_eq!(line["stan"], 12);
    }

    #[test]
    fn the_level_changes_while_the_log_is_written() {
        let lines = Lines::default();
        let written = lines.clone();
        let arguments = LogArgs { log_format: LogFormat::Text, log_level: LogLevel::Warn };
        let (subscriber, level) = arguments.subscriber(move || written.clone());
        tracing::subscriber::with_default(subscriber, || {
            let log_all = || {
                tracing::debug!(target: "switch", "debugged");
                tracing::warn!(target: "switch", "warned");
            };
            for said in [None, Some(LogLevel::Debug), Some(LogLevel::Error), None] {
                level.set(said).unwrap();
                log_all();
            }
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let said: Vec<_> = text.lines().filter_map(|line| line.rsplit(' ').next()).collect();
        assert_eq!(said, ["warned", "debugged", "warned", "warned"]);
    }

    #[test]
    fn lower_levels_are_left_out() {
        let text = logged(LogFormat::Text, LogLevel::Warn);
        assert_eq!(text.lines().count(), 1, "{text}");
        assert_eq!(logged(LogFormat::Text, LogLevel::Error), "");
    }
}
