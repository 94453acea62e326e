//! The violations of one request, bounded: a small request must not cause a large response.

use std::borrow::Cow;

use platform::problem::FieldError;
use serde_json::json;

/// Most violations that are listed; the others are counted.
const MAX_LISTED: usize = 100;

/// Longest part of a place.
const MAX_LOC_CHARS: usize = 64;

/// Longest description of a rule; some repeat what was sent.
const MAX_MSG_CHARS: usize = 256;

/// Largest parameters of a rule, as JSON.
const MAX_PARAMS_BYTES: usize = 4 * 1024;

/// Violations as they are found.
#[derive(Debug, Clone, Default)]
pub struct Violations {
    listed: Vec<FieldError>,
    total: usize,
}

impl Violations {
    /// Adds a violation; it is made only if there is room for it.
    pub fn push(&mut self, violation: impl FnOnce() -> FieldError) {
        self.total += 1;
        if self.listed.len() < MAX_LISTED {
            self.listed.push(bounded(violation()));
        }
    }

    /// Whether no rule is broken.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// How many rules are broken.
    pub fn len(&self) -> usize {
        self.total
    }

    /// Whether every violation that is listed is of this sort.
    pub fn all(&self, is: impl Fn(&FieldError) -> bool) -> bool {
        self.listed.iter().all(is)
    }

    /// The violations that are listed.
    pub fn into_listed(self) -> Vec<FieldError> {
        self.listed
    }

    /// What is wrong, in one sentence.
    pub fn detail(&self) -> String {
        match (self.listed.as_slice(), self.total - self.listed.len()) {
            ([only], 0) => {
                let place = only.loc.last().map_or("input", String::as_str);
                format!("{place}: {}.", only.msg)
            }
            (_, 0) => format!("The request breaks {} rules.", self.total),
            (listed, more) => {
                let (total, listed) = (self.total, listed.len());
                format!("The request breaks {total} rules: {listed} are listed, and {more} more.")
            }
        }
    }
}

impl Extend<FieldError> for Violations {
    fn extend<T: IntoIterator<Item = FieldError>>(&mut self, found: T) {
        for violation in found {
            self.push(|| violation);
        }
    }
}

impl From<Vec<FieldError>> for Violations {
    fn from(found: Vec<FieldError>) -> Self {
        let mut violations = Self::default();
        violations.extend(found);
        violations
    }
}

fn bounded(mut violation: FieldError) -> FieldError {
    for part in &mut violation.loc {
        *part = cut(part, MAX_LOC_CHARS).into_owned();
    }
    violation.msg = cut(&violation.msg, MAX_MSG_CHARS).into_owned();
    if violation.params.to_string().len() > MAX_PARAMS_BYTES {
        violation.params = json!({});
    }
    violation
}

/// A part of a place as it is listed.
pub fn shorten(part: &str) -> Cow<'_, str> {
    cut(part, MAX_LOC_CHARS)
}

fn cut(text: &str, max_chars: usize) -> Cow<'_, str> {
    if text.chars().nth(max_chars).is_none() {
        return Cow::Borrowed(text);
    }
    let kept: String = text.chars().take(max_chars - 1).collect();
    Cow::Owned(format!("{kept}…"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_and_large_parameters_left_out() {
        let long = FieldError::new(&["body", &"é".repeat(65)], "x", "m".repeat(257))
            .with_params(json!({"sent": "y".repeat(5_000)}));
        let listed = Violations::from(vec![long]).into_listed();
        assert_eq!(listed[0].loc[1], format!("{}…", "é".repeat(63)));
        assert_eq!(listed[0].msg, format!("{}…", "m".repeat(255)));
        assert_eq!(listed[0].params, json!({}));
        assert_eq!(shorten(&"é".repeat(64)), "é".repeat(64));
    }

    #[test]
    fn violations_beyond_the_limit_are_counted_and_not_made() {
        let mut violations = Violations::default();
        let mut made = 0;
        for _ in 0..1_000 {
            violations.push(|| {
                made += 1;
                FieldError::new(&["body"], "x", "y")
            });
        }
        assert_eq!((made, violations.into_listed().len()), (MAX_LISTED, MAX_LISTED));
    }
}
