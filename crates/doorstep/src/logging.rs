//! The log of the long-running commands, on standard error: text or JSON lines.

use std::fmt;

use clap::{Args, ValueEnum};
use tracing::{Level, Subscriber};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

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

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
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
    pub fn start(self) -> anyhow::Result<()> {
        Ok(tracing::subscriber::set_global_default(self.subscriber(std::io::stderr))?)
    }

    fn subscriber<W>(self, writer: W) -> Box<dyn Subscriber + Send + Sync>
    where
        W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
    {
        let level = match self.log_level {
            LogLevel::Error => Level::ERROR,
            LogLevel::Warn => Level::WARN,
            LogLevel::Info => Level::INFO,
            LogLevel::Debug => Level::DEBUG,
        };
        // An error of standard error has no other way out, and must not stop payments.
        let log = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_timer(UtcTime)
            .with_writer(writer)
            .log_internal_errors(false);
        match self.log_format {
            LogFormat::Text => Box::new(log.finish()),
            LogFormat::Json => {
                let json = log.json().flatten_event(true);
                Box::new(json.with_current_span(false).with_span_list(false).finish())
            }
        }
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
        let subscriber = arguments.subscriber(move || written.clone());
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
    fn lower_levels_are_left_out() {
        let text = logged(LogFormat::Text, LogLevel::Warn);
        assert_eq!(text.lines().count(), 1, "{text}");
        assert_eq!(logged(LogFormat::Text, LogLevel::Error), "");
    }
}
