-- What the Step Functions API keeps beside the workflows: state machines, their revisions, versions and aliases, activities,
-- changed map runs. The server's room writes the records and reads them; the store only keeps them.
CREATE TABLE resource (
    id     TEXT PRIMARY KEY,        -- the resource part of its ARN
    digest TEXT,                    -- the definition that it needs
    record TEXT NOT NULL            -- JSON
) WITHOUT ROWID;

-- From a map run to the execution that it is of.
CREATE INDEX execution_map_run ON execution (json_extract(request, '$.metadata.map_run')) WHERE link = 'child';
