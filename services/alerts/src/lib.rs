//! Evaluates alerts and delivers them as signed webhooks, never lost.
