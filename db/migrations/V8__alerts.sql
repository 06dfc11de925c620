-- Rules over the figures of tasks, each with the state that it is in.
CREATE TABLE tai_alerts (
    id                VARCHAR(36)  NOT NULL PRIMARY KEY,
    name              VARCHAR(100) NOT NULL,
    description       VARCHAR(500),
    kind              VARCHAR(10)  NOT NULL CHECK (kind IN ('threshold', 'burn_rate')),
    metric            VARCHAR(30)  NOT NULL,
    -- Of tasks; null for all.
    type              VARCHAR(50),
    comparison        VARCHAR(10)  NOT NULL CHECK (comparison IN ('above', 'below')),
    threshold         DOUBLE PRECISION NOT NULL,
    -- The share that should succeed; of burn rates only.
    objective         DOUBLE PRECISION,
    window_seconds    INTEGER      NOT NULL,
    for_seconds       INTEGER      NOT NULL,
    webhook_url       VARCHAR(255),
    -- Sealed; never shown.
    webhook_secret    TEXT,
    paused            INTEGER      NOT NULL DEFAULT 0 CHECK (paused IN (0, 1)),
    state             VARCHAR(10)  NOT NULL DEFAULT 'ok' CHECK (state IN ('ok', 'pending', 'firing')),
    state_since       TIMESTAMPTZ  NOT NULL,
    last_value        DOUBLE PRECISION,
    evaluated_at      TIMESTAMPTZ,
    -- Whoever moves it on evaluates the rule: one process at a time, without a leader.
    next_at_ms        BIGINT       NOT NULL,
    created_at        TIMESTAMPTZ  NOT NULL,
    updated_at        TIMESTAMPTZ  NOT NULL
);
CREATE UNIQUE INDEX ux_tai_alerts_name ON tai_alerts (name);
CREATE INDEX ix_tai_alerts_next ON tai_alerts (next_at_ms) WHERE paused = 0;

-- Each time that a rule fired or was resolved.
CREATE TABLE tai_alert_events (
    id                VARCHAR(36)  NOT NULL PRIMARY KEY,
    alert_id          VARCHAR(36)  NOT NULL REFERENCES tai_alerts (id) ON DELETE CASCADE,
    event             VARCHAR(10)  NOT NULL CHECK (event IN ('firing', 'resolved')),
    value             DOUBLE PRECISION,
    reason            TEXT         NOT NULL,
    created_at        TIMESTAMPTZ  NOT NULL
);
CREATE INDEX ix_tai_alert_events_alert ON tai_alert_events (alert_id, id);

-- Webhooks to send, written in the transaction that changes the state; sent in the order of their ids, one at a time
-- for each rule.
CREATE TABLE tai_alert_deliveries (
    id                VARCHAR(36)  NOT NULL PRIMARY KEY,
    alert_id          VARCHAR(36)  NOT NULL REFERENCES tai_alerts (id) ON DELETE CASCADE,
    event             VARCHAR(10)  NOT NULL CHECK (event IN ('firing', 'resolved', 'test')),
    body              TEXT         NOT NULL,
    status            VARCHAR(10)  NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'delivered', 'failed')),
    attempts          INTEGER      NOT NULL DEFAULT 0,
    http_status       INTEGER,
    last_error        TEXT,
    next_at_ms        BIGINT       NOT NULL,
    created_at        TIMESTAMPTZ  NOT NULL,
    updated_at        TIMESTAMPTZ  NOT NULL
);
CREATE INDEX ix_tai_alert_deliveries_alert ON tai_alert_deliveries (alert_id, id);
CREATE INDEX ix_tai_alert_deliveries_pending ON tai_alert_deliveries (next_at_ms) WHERE status = 'pending';
