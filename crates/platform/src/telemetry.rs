//! Log lines: one JSON object a line in staging and production, readable text elsewhere.
//!
//! Each line has the id of the request that its task works for, and the fields of the spans it was written in, so that
//! one search follows a price from the provider to the webhook. The id is not the field of a span: a span costs every
//! request, the id only those that log.

use std::fmt;
use std::io::IsTerminal as _;

use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{Format, JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

use crate::clock::{Clock, SystemClock};
use crate::request_id::RequestId;
use crate::settings::{LogSettings, ProcessSettings};

/// Starts logging for the process; a second call, as in tests, changes nothing.
///
/// # Errors
///
/// The log filter cannot be read; validated settings never cause it.
pub fn init(service: &'static str, settings: &ProcessSettings) -> anyhow::Result<()> {
    init_with(service, &settings.log())
}

/// As [`init`], for processes that have no other settings of [`ProcessSettings`].
///
/// # Errors
///
/// As [`init`].
pub fn init_with(service: &'static str, settings: &LogSettings) -> anyhow::Result<()> {
    let filter = filter(&settings.log_level)?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter);
    let installed = if settings.app_env.is_exposed() {
        builder
            .fmt_fields(JsonFields::new())
            .event_format(JsonLine { service })
            .try_init()
    } else {
        // Colours are for people: in a file they are noise that breaks every search.
        let coloured = std::io::stderr().is_terminal();
        builder
            .with_ansi(coloured)
            .with_writer(std::io::stderr)
            .event_format(TextLine(Format::default()))
            .try_init()
    };
    if installed.is_err() {
        tracing::debug!("logging is already set up");
    }
    Ok(())
}

/// Libraries that write what they carry at the lower levels: the database driver prints the parameters of its
/// statements, which are e-mails, hashes and signing secrets. Nobody may turn that on, whatever the log level.
const SILENCED: [&str; 2] = ["tokio_postgres=error", "postgres_protocol=error"];

/// What is logged at `level`.
fn filter(level: &str) -> anyhow::Result<EnvFilter> {
    // Of several directives for one target the last counts; one for a module below it would count more and is dropped.
    let kept: Vec<&str> = level
        .split(',')
        .filter(|directive| !directive.contains("postgres_protocol") && !directive.contains("tokio_postgres"))
        .collect();
    Ok(EnvFilter::try_new(
        kept.into_iter().chain(SILENCED).collect::<Vec<_>>().join(","),
    )?)
}

/// Writes an event as readable text.
struct TextLine(Format);

impl<S, N> FormatEvent<S, N> for TextLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        if let Some(id) = RequestId::current() {
            write!(writer, "{id} ")?;
        }
        self.0.format_event(context, writer, event)
    }
}

/// Writes an event as one JSON object.
struct JsonLine {
    service: &'static str,
}

impl<S, N> FormatEvent<S, N> for JsonLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let metadata = event.metadata();
        let mut line = Map::new();
        line.insert("timestamp".into(), json!(format!("{:.3}", SystemClock.now())));
        line.insert("level".into(), json!(metadata.level().as_str()));
        line.insert("service".into(), json!(self.service));
        line.insert("target".into(), json!(metadata.target()));
        if let Some(id) = RequestId::current() {
            line.insert("request_id".into(), json!(id.as_str()));
        }
        for span in context.event_scope().into_iter().flat_map(|s| s.from_root()) {
            let extensions = span.extensions();
            let fields = extensions.get::<FormattedFields<N>>();
            if let Some(Ok(Value::Object(fields))) = fields.map(|fields| serde_json::from_str(&fields.fields)) {
                line.extend(fields);
            }
        }
        event.record(&mut Collect(&mut line));
        writeln!(writer, "{}", Value::Object(line))
    }
}

/// Puts the fields of an event into a JSON object.
struct Collect<'a>(&'a mut Map<String, Value>);

impl Visit for Collect<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.insert(field.name().into(), json!(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().into(), json!(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().into(), json!(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().into(), json!(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().into(), json!(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut text = value.to_string();
        let mut source = value.source();
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        self.0.insert(field.name().into(), json!(text));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().into(), json!(format!("{value:?}")));
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt::MakeWriter;

    use super::*;

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Memory {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    #[tokio::test]
    async fn line_is_one_json_object_with_the_id_of_its_request_and_the_fields_of_its_spans() {
        let memory = Memory::default();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(memory.clone())
            .fmt_fields(JsonFields::new())
            .event_format(JsonLine { service: "sample" })
            .finish();
        let id: RequestId = "r-1".parse().unwrap();
        id.scope(async {
            tracing::subscriber::with_default(subscriber, || {
                let _outer = tracing::info_span!("poll", provider = "kraken").entered();
                tracing::warn!(attempt = 2, ok = false, text = %"a\nb", "poll failed");
            });
        })
        .await;
        let bytes = memory.0.lock().unwrap().clone();
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        let line: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["message"], "poll failed");
        assert_eq!(line["service"], "sample");
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["request_id"], "r-1");
        assert_eq!(line["provider"], "kraken");
        assert_eq!(line["attempt"], 2);
        assert_eq!(line["ok"], false);
        assert_eq!(line["text"], "a\nb");
        let timestamp = line["timestamp"].as_str().unwrap();
        assert!(timestamp.ends_with('Z') && timestamp.len() == 24, "{timestamp}");
    }

    #[tokio::test]
    async fn text_begins_with_the_id_of_its_request() {
        let memory = Memory::default();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(memory.clone())
            .with_ansi(false)
            .event_format(TextLine(Format::default()))
            .finish();
        let id: RequestId = "r-1".parse().unwrap();
        id.scope(async {
            tracing::subscriber::with_default(subscriber, || tracing::warn!("poll failed"));
        })
        .await;
        let bytes = memory.0.lock().unwrap().clone();
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.starts_with("r-1 ") && text.ends_with("poll failed\n"), "{text}");
    }
}
