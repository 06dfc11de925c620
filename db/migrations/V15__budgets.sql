-- What may be used in a day or month, by whom and of what. null is anybody or anything.
CREATE TABLE tai_budgets (
    id           VARCHAR(36)   NOT NULL PRIMARY KEY,
    name         VARCHAR(50)   NOT NULL,
    description  VARCHAR(500),
    tenant       VARCHAR(100),
    key_id       VARCHAR(100),
    model        VARCHAR(255),
    route        VARCHAR(100),
    unit         VARCHAR(10)   NOT NULL CHECK (unit IN ('tokens', 'calls', 'money')),
    currency     VARCHAR(3),
    period       VARCHAR(10)   NOT NULL CHECK (period IN ('day', 'month')),
    -- Of money: in billionths.
    limit_units  BIGINT        NOT NULL CHECK (limit_units > 0),
    mode         VARCHAR(10)   NOT NULL CHECK (mode IN ('enforce', 'shadow')),
    uncounted    VARCHAR(10)   NOT NULL CHECK (uncounted IN ('allow', 'refuse')),
    -- Per cent, ascending, separated by commas.
    thresholds   VARCHAR(100)  NOT NULL,
    created_at   TIMESTAMPTZ   NOT NULL,
    updated_at   TIMESTAMPTZ   NOT NULL,
    CONSTRAINT uq_tai_budgets_name UNIQUE (name),
    CONSTRAINT ck_tai_budgets_currency CHECK ((unit = 'money') = (currency IS NOT NULL))
);

-- Grows with each change of a budget: other processes look here before they read all.
CREATE TABLE tai_budget_revision (
    one       INTEGER  NOT NULL PRIMARY KEY CHECK (one = 1),
    revision  BIGINT   NOT NULL
);
INSERT INTO tai_budget_revision (one, revision) VALUES (1, 0);

-- A budget in one day or month. used + abandoned + reserved never passes the limit by an admission.
CREATE TABLE tai_budget_periods (
    budget_id   VARCHAR(36)  NOT NULL REFERENCES tai_budgets (id) ON DELETE CASCADE,
    -- 2026-11-26 or 2026-11, in UTC.
    period      VARCHAR(10)  NOT NULL,
    used        BIGINT       NOT NULL DEFAULT 0,
    -- Leased to processes that admit calls.
    reserved    BIGINT       NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    -- Leased to processes that died: counted as spent.
    abandoned   BIGINT       NOT NULL DEFAULT 0 CHECK (abandoned >= 0),
    -- Calls that were refused, or would have been in shadow mode.
    refused     BIGINT       NOT NULL DEFAULT 0,
    -- The highest threshold that was told, in per cent.
    told        INTEGER      NOT NULL DEFAULT 0,
    -- Until then whoever holds room that is not used gives it back.
    wanted_ms   BIGINT       NOT NULL DEFAULT 0,
    updated_at  TIMESTAMPTZ  NOT NULL,
    PRIMARY KEY (budget_id, period)
);
CREATE INDEX ix_tai_budget_periods_updated_at ON tai_budget_periods (updated_at);

-- Processes that lease room. The number of the last batch makes each count once.
CREATE TABLE tai_budget_holders (
    id           VARCHAR(36)  NOT NULL PRIMARY KEY,
    batch        BIGINT       NOT NULL,
    deadline_ms  BIGINT       NOT NULL,
    swept        INTEGER      NOT NULL DEFAULT 0 CHECK (swept IN (0, 1))
);
CREATE INDEX ix_tai_budget_holders_deadline ON tai_budget_holders (deadline_ms);

CREATE TABLE tai_budget_leases (
    budget_id  VARCHAR(36)  NOT NULL,
    period     VARCHAR(10)  NOT NULL,
    holder_id  VARCHAR(36)  NOT NULL REFERENCES tai_budget_holders (id) ON DELETE CASCADE,
    amount     BIGINT       NOT NULL CHECK (amount >= 0),
    PRIMARY KEY (budget_id, period, holder_id),
    FOREIGN KEY (budget_id, period) REFERENCES tai_budget_periods (budget_id, period) ON DELETE CASCADE
);
CREATE INDEX ix_tai_budget_leases_holder ON tai_budget_leases (holder_id);

-- What calls have used, by the hour in UTC. An empty text is none.
CREATE TABLE tai_usage (
    -- 2026-11-26T04
    hour           VARCHAR(13)   NOT NULL,
    tenant         VARCHAR(100)  NOT NULL,
    key_id         VARCHAR(100)  NOT NULL,
    model          VARCHAR(255)  NOT NULL,
    version        VARCHAR(20)   NOT NULL,
    route          VARCHAR(100)  NOT NULL,
    currency       VARCHAR(3)    NOT NULL,
    calls          BIGINT        NOT NULL,
    cached_calls   BIGINT        NOT NULL,
    input_tokens   BIGINT        NOT NULL,
    output_tokens  BIGINT        NOT NULL,
    -- In billionths.
    cost           BIGINT        NOT NULL,
    PRIMARY KEY (hour, tenant, key_id, model, version, route, currency)
);

-- What somebody has put right by hand.
CREATE TABLE tai_usage_corrections (
    id             VARCHAR(36)   NOT NULL PRIMARY KEY,
    -- A budget alone; null where usage was corrected, and with it the budgets that cover it.
    budget_id      VARCHAR(36),
    budget         VARCHAR(50),
    at             TIMESTAMPTZ   NOT NULL,
    tenant         VARCHAR(100)  NOT NULL,
    key_id         VARCHAR(100)  NOT NULL,
    model          VARCHAR(255)  NOT NULL,
    version        VARCHAR(20)   NOT NULL,
    route          VARCHAR(100)  NOT NULL,
    currency       VARCHAR(3)    NOT NULL,
    calls          BIGINT        NOT NULL,
    input_tokens   BIGINT        NOT NULL,
    output_tokens  BIGINT        NOT NULL,
    cost           BIGINT        NOT NULL,
    reason         VARCHAR(500)  NOT NULL,
    made_by        VARCHAR(100)  NOT NULL,
    -- Of the request's bearer token.
    made_with      VARCHAR(100)  NOT NULL,
    created_at     TIMESTAMPTZ   NOT NULL
);
