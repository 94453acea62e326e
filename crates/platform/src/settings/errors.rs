//! What is wrong with the settings, said in full and at once.

use std::fmt;

/// Exit code of a process whose configuration is invalid (`EX_CONFIG` of sysexits).
pub const EXIT_CODE: i32 = 78;

/// The problems found so far; the first one of each variable is kept.
#[derive(Debug, Default)]
pub struct Problems {
    found: Vec<(String, String)>,
}

impl Problems {
    /// Notes what is wrong with a variable and what to set instead.
    ///
    /// A second problem of the same variable is dropped: it follows from the first.
    pub fn add(&mut self, variable: impl Into<String>, what: impl Into<String>) {
        let variable = variable.into();
        if !self.names(&variable) {
            self.found.push((variable, what.into()));
        }
    }

    /// Notes that a variable does not go together with others, unless one of those is wrong itself: then it stands at
    /// its default here, and nothing is known about the two.
    pub fn add_relation(&mut self, variable: impl Into<String>, others: &[&str], what: impl Into<String>) {
        if !others.iter().any(|other| self.names(other)) {
            self.add(variable, what);
        }
    }

    /// Says whether the variable has a problem already.
    #[must_use]
    pub fn names(&self, variable: &str) -> bool {
        self.found.iter().any(|(name, _)| name == variable)
    }

    /// Says that nothing is wrong so far.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }
}

/// Settings that can judge themselves.
pub trait Validate {
    /// Adds one problem for each value that cannot work, named by its variable.
    fn validate(&self, problems: &mut Problems);
}

/// Every problem of the settings; displays one line for each.
#[derive(Debug)]
pub struct SettingsError {
    problems: Problems,
}

impl SettingsError {
    /// The problems as pairs of variable and explanation.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.problems
            .found
            .iter()
            .map(|(name, what)| (name.as_str(), what.as_str()))
    }
}

impl From<Problems> for SettingsError {
    fn from(problems: Problems) -> Self {
        Self { problems }
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid configuration:")?;
        for (name, what) in self.iter() {
            write!(f, "\n  {name}: {what}")?;
        }
        Ok(())
    }
}

impl std::error::Error for SettingsError {}
