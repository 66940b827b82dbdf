-- From a map run, and from an item of it, to the execution. It replaces the index of the run alone.
DROP INDEX execution_map_run;
CREATE INDEX execution_item ON execution (
    json_extract(request, '$.metadata.map_run'), json_extract(request, '$.metadata.map_run_index')
) WHERE link = 'child';

-- A redrive begins a new child in the place of one that failed: of a place only the newest is a child, the others are 'replaced'.
-- Children from before places were kept stay as they are.
UPDATE execution SET link = 'replaced'
WHERE link = 'child' AND json_extract(request, '$.metadata.map_run_index') IS NOT NULL AND number NOT IN (
    SELECT max(number) FROM execution WHERE link = 'child'
    GROUP BY json_extract(request, '$.metadata.map_run'), json_extract(request, '$.metadata.map_run_index')
);
