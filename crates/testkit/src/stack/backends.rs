//! The three servers behind a stack: a share of the common ones, or own ones that may be stopped.

use deadpool_postgres::Pool;

use crate::database::TestDatabase;
use crate::rabbit::TestRabbit;
use crate::redis::TestRedis;
use crate::servers::{OwnPostgres, OwnRabbit, OwnRedis};

#[derive(Debug)]
pub enum Postgres {
    /// A database of the common server.
    Shared(TestDatabase),
    Own(Box<OwnPostgres>),
}

#[derive(Debug)]
pub enum Redis {
    /// A database number of the common server.
    Shared(Box<TestRedis>),
    Own(Box<OwnRedis>),
}

#[derive(Debug)]
pub enum Rabbit {
    /// A vhost of the common server.
    Shared(TestRabbit),
    Own(Box<OwnRabbit>),
}

impl Postgres {
    pub(super) fn url(&self) -> &str {
        match self {
            Self::Shared(shared) => &shared.url,
            Self::Own(own) => &own.url,
        }
    }

    pub(super) fn pool(&self) -> &Pool {
        match self {
            Self::Shared(shared) => &shared.pool,
            Self::Own(own) => &own.pool,
        }
    }

    /// The own server.
    ///
    /// # Panics
    ///
    /// The stack shares the common one, which a test must not stop.
    pub fn own(&mut self) -> &mut OwnPostgres {
        match self {
            Self::Own(own) => own,
            Self::Shared(_) => panic!("the common PostgreSQL must not be stopped"),
        }
    }
}

impl Redis {
    #[must_use]
    pub fn url(&self) -> &str {
        match self {
            Self::Shared(shared) => &shared.url,
            Self::Own(own) => &own.url,
        }
    }

    /// The own server.
    ///
    /// # Panics
    ///
    /// The stack shares the common one, which a test must not stop.
    pub fn own(&mut self) -> &mut OwnRedis {
        match self {
            Self::Own(own) => own,
            Self::Shared(_) => panic!("the common Redis must not be stopped"),
        }
    }

    /// Removes all data.
    ///
    /// # Panics
    ///
    /// The stack has a server of its own, which loses its data by a stop.
    pub async fn flush(&self) {
        match self {
            Self::Shared(shared) => shared.flush().await,
            Self::Own(_) => panic!("an own Redis is flushed by stopping it"),
        }
    }
}

impl Rabbit {
    pub(super) fn url(&self) -> &str {
        match self {
            Self::Shared(shared) => &shared.url,
            Self::Own(own) => &own.url,
        }
    }

    /// The own node.
    ///
    /// # Panics
    ///
    /// The stack shares the common one, which a test must not stop.
    pub fn own(&mut self) -> &mut OwnRabbit {
        match self {
            Self::Own(own) => own,
            Self::Shared(_) => panic!("the common RabbitMQ must not be stopped"),
        }
    }
}
