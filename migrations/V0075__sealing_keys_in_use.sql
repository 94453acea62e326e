-- Which sealing keys are in use, without reading every receiver.

CREATE INDEX endpoints_sealing_key ON alerting.endpoints (split_part(secret, '.', 2)) WHERE secret LIKE 'v1.%';
