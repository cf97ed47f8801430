//go:build linux

// runs.csv: every figure of every run, so that reports can be made again and a partial run keeps the rest.
//
//	scenario,server,run,metric,value,commit,date,host
//	get-p1,redix,1,ops_per_s,101234.5,119368c0ffee,2025-11-23,"AMD EPYC, 2 cores, ..."

package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
)

var csvHeader = []string{"scenario", "server", "run", "metric", "value", "commit", "date", "host"}

// writeRecords replaces the file.
func writeRecords(path string, records []record) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	rows := [][]string{csvHeader}
	for _, r := range records {
		rows = append(rows, []string{r.scenario, r.server, strconv.Itoa(r.run), r.metric,
			strconv.FormatFloat(r.value, 'g', 8, 64), r.origin.commit, r.origin.date, r.origin.host})
	}
	return errors.Join(csv.NewWriter(f).WriteAll(rows), f.Close())
}

// readRecords reads the file; one that does not exist holds nothing.
func readRecords(path string) ([]record, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	reader := csv.NewReader(f)
	reader.FieldsPerRecord = len(csvHeader)
	rows, err := reader.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(rows) == 0 || !slices.Equal(rows[0], csvHeader) {
		return nil, fmt.Errorf("%s: unexpected header", path)
	}
	var records []record
	for i, row := range rows[1:] {
		run, runErr := strconv.Atoi(row[2])
		value, valueErr := strconv.ParseFloat(row[4], 64)
		if err := errors.Join(runErr, valueErr); err != nil {
			return nil, fmt.Errorf("%s: line %d: %w", path, i+2, err)
		}
		records = append(records, record{row[0], row[1], run, row[3], value, origin{row[5], row[6], row[7]}})
	}
	return records, nil
}

// merge keeps of old what the new records do not replace: scenarios not run now, from the same host.
func merge(all []scenario, old, new []record) []record {
	var merged []record
	for _, sc := range all {
		fresh := ofScenario(new, sc.name)
		if len(fresh) > 0 {
			merged = append(merged, fresh...)
			continue
		}
		for _, r := range ofScenario(old, sc.name) {
			if len(new) == 0 || r.origin.host == new[0].origin.host {
				merged = append(merged, r)
			}
		}
	}
	return merged
}
