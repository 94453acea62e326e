-- A user's active alerts, newest first, and their number: a user may have a few active ones among very many that fired.
CREATE INDEX alerts_active_of_user ON alerting.alerts (user_id, id DESC) WHERE is_active;
