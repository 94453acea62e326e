-- Secrets of receivers are sealed: `v1.<key id>.<nonce and ciphertext>`. Those from before are plain until the service seals them.

ALTER TABLE alerting.endpoints
    DROP CONSTRAINT endpoints_secret_check,
    ADD CONSTRAINT endpoints_secret_check CHECK (secret LIKE 'v1.%' OR secret LIKE 'whsec\_%');
