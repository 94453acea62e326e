//! E-mail addresses: the one spelling under which an account is unique.

/// Longest address that SMTP can carry.
pub const MAX_CHARS: usize = 254;

/// An e-mail address: trimmed, with its domain in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// Reads an address; `None` if it cannot be one.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (local, domain) = text.rsplit_once('@')?;
        let fits = text.len() <= MAX_CHARS && is_local_part(local) && is_domain(domain);
        fits.then(|| Self(format!("{local}@{}", domain.to_ascii_lowercase())))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `dot-atom` of RFC 5322, at most 64 characters.
fn is_local_part(text: &str) -> bool {
    let atom = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b);
    text.len() <= 64 && text.split('.').all(|part| !part.is_empty() && part.bytes().all(atom))
}

/// At least two labels of letters, digits and inner hyphens.
fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.contains('.') && text.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("user@example.com", "user@example.com")]
    #[case("  User.Name+tag@EXAMPLE.Com ", "User.Name+tag@example.com")]
    #[case("!#$%@a.bc", "!#$%@a.bc")]
    fn email_is_trimmed_and_its_domain_lower_cased(#[case] text: &str, #[case] email: &str) {
        assert_eq!(Email::parse(text).unwrap().as_str(), email);
    }

    #[rstest]
    #[case("")]
    #[case("user")]
    #[case("@example.com")]
    #[case("user@")]
    #[case("user@localhost")]
    #[case("us er@example.com")]
    #[case("user@-a.com")]
    #[case("user@a..com")]
    #[case(".user@example.com")]
    #[case("a@b@example.com")]
    fn invalid_email_is_refused(#[case] text: &str) {
        assert_eq!(Email::parse(text), None);
    }

    #[test]
    fn email_length_is_bounded() {
        let long = format!("{}@{}.com", "a".repeat(64), "b".repeat(63));
        assert!(Email::parse(&long).is_some());
        assert_eq!(Email::parse(&format!("{}@example.com", "a".repeat(65))), None);
        let too_long = format!("a@{}com", format!("{}.", "b".repeat(49)).repeat(5));
        assert!(too_long.len() > MAX_CHARS);
        assert_eq!(Email::parse(&too_long), None);
    }
}
