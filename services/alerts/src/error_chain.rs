//! An error with its causes, as one line of a log shows it.

use std::error::Error;

pub fn error_chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreError;

    #[test]
    fn causes_follow_their_effect() {
        let error = StoreError::from(deadpool_postgres::PoolError::Closed);
        assert_eq!(error_chain(&error), "no connection to PostgreSQL: Pool has been closed");
    }
}
