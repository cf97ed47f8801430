//go:build linux

// The chart: for each bound on a ratio one bar, redix : redis-server, with a line at 1 and a mark at the bound.

package main

import (
	"errors"
	"image/color"
	"math"
	"os"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

const (
	chartWidth = 18 * vg.Centimeter
	rowHeight  = 0.6 * vg.Centimeter
	barHeight  = 0.36 * vg.Centimeter
	margin     = 0.4 * vg.Centimeter
	maxRatio   = 4 // longer bars are cut off here
)

var (
	metColor    = color.RGBA{R: 0x3a, G: 0x7d, B: 0x44, A: 0xff}
	missedColor = color.RGBA{R: 0xb3, G: 0x3a, B: 0x3a, A: 0xff}
	plainColor  = color.RGBA{R: 0x77, G: 0x77, B: 0x77, A: 0xff}
	boundColor  = color.RGBA{R: 0x11, G: 0x11, B: 0x11, A: 0xff}
)

// drawChart writes an SVG file. Without a ratio to show it writes nothing and reports false.
func drawChart(path string, fs []finding) (bool, error) {
	var shown []finding
	for _, f := range fs {
		if !math.IsNaN(f.ratio) && f.redix.n > 0 {
			shown = append(shown, f)
		}
	}
	if len(shown) == 0 {
		return false, nil
	}
	p := plot.New()
	p.Title.Text = "redix : redis-server, medians (| bound, - - equal, grey: the bound is not on the ratio)"
	p.X.Label.Text = "ratio"
	p.X.Min, p.X.Max = 0, 1.1
	var names []string
	for i := range shown {
		f := shown[len(shown)-1-i] // the first on top
		names = append(names, f.scenario.name+" "+f.bound.metric)
		p.X.Max = max(p.X.Max, min(maxRatio, 1.1*max(f.ratio, f.mark())))
		if err := addBar(p, f, i); err != nil {
			return false, err
		}
	}
	p.NominalY(names...)
	p.Y.Tick.Label.YAlign = text.YCenter
	equal, err := plotter.NewLine(plotter.XYs{{X: 1, Y: -0.6}, {X: 1, Y: float64(len(shown)) - 0.4}})
	if err != nil {
		return false, err
	}
	equal.Dashes = []vg.Length{vg.Points(4), vg.Points(3)}
	p.Add(equal)
	p.Y.Min, p.Y.Max = -0.6, float64(len(shown))-0.4
	return true, saveSVG(p, chartWidth, 3*vg.Centimeter+rowHeight*vg.Length(len(shown)), path)
}

// saveSVG draws p with a margin: viewers have fonts of other widths than plot reckons with.
func saveSVG(p *plot.Plot, width, height vg.Length, path string) error {
	canvas := vgsvg.New(width, height)
	p.Draw(draw.Crop(draw.New(canvas), margin, -margin, margin, -margin))
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = canvas.WriteTo(f)
	return errors.Join(err, f.Close())
}

// mark is where the bound's mark stands; 0 where the bound is not on the ratio.
func (f finding) mark() float64 {
	if !f.bound.relative {
		return 0
	}
	return f.bound.must
}

// addBar adds the bar of row i and its mark.
func addBar(p *plot.Plot, f finding, i int) error {
	bar, err := plotter.NewBarChart(plotter.Values{min(f.ratio, maxRatio)}, barHeight)
	if err != nil {
		return err
	}
	bar.Horizontal, bar.XMin, bar.LineStyle.Width = true, float64(i), 0
	switch {
	case !f.bound.relative:
		bar.Color = plainColor
	case f.verdict == verdictMissed:
		bar.Color = missedColor
	default:
		bar.Color = metColor
	}
	p.Add(bar)
	if f.mark() == 0 {
		return nil
	}
	mark, err := plotter.NewLine(plotter.XYs{{X: f.mark(), Y: float64(i) - 0.42}, {X: f.mark(), Y: float64(i) + 0.42}})
	if err != nil {
		return err
	}
	mark.LineStyle = draw.LineStyle{Color: boundColor, Width: vg.Points(2)}
	p.Add(mark)
	return nil
}
