/** Widgets as a PNG: charts by ECharts' own canvas, the rest drawn beside them. */

import { init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import type { ChartOption } from "@/components/chart";
import { formatWorth } from "@/components/estimate";
import { FONT, INK } from "@/lib/chart-theme";
import { colorsOf } from "@/lib/group-colors";
import { timesOf } from "@/lib/metrics";
import type { Scheme } from "@/lib/series";
import { linesOf, tableOf } from "./chart-lines";
import { bandsOption, heatmapOption, histogramOption, linesOption } from "./options";
import type { WidgetData } from "./queries";
import type { Box, Widget } from "./types";

use([CanvasRenderer]);

const SCALE = 2;
const COLUMN = 104;
const ROW = 62;
const GAP = 12;
const HEAD = 46;
const PAPER: Record<Scheme, { page: string; text: string; line: string }> = {
  light: { page: "#f7f8f9", text: "#1b2125", line: "#e3e7ea" },
  dark: { page: "#0e1113", text: "#e6e9eb", line: "#262c31" },
};

/** The chart of a widget; null for those that are text. */
export function optionOf(widget: Widget, data: WidgetData, scheme: Scheme): ChartOption | null {
  if (widget.type === "number" || widget.type === "table") return null;
  if (data.distribution)
    return widget.type === "heatmap"
      ? heatmapOption(data.distribution, timesOf(data.window, data.step), scheme)
      : histogramOption(data.distribution, scheme);
  const lines = linesOf(widget, data);
  return widget.type === "percentiles"
    ? bandsOption(lines, data, scheme)
    : linesOption(lines, data, widget.type === "bar" ? "bar" : "line", scheme);
}

export interface Pictured {
  widget: Widget;
  data: WidgetData;
  box: Box;
}

export async function pictureOf(title: string, parts: Pictured[], scheme: Scheme): Promise<Blob> {
  const columns = Math.max(...parts.map(({ box }) => box.x + box.w));
  const rows = Math.max(...parts.map(({ box }) => box.y + box.h));
  const canvas = document.createElement("canvas");
  canvas.width = (columns * COLUMN + GAP) * SCALE;
  canvas.height = (rows * ROW + GAP + HEAD) * SCALE;
  const pen = canvas.getContext("2d");
  if (!pen) throw new Error("This browser cannot draw pictures.");
  pen.scale(SCALE, SCALE);
  pen.fillStyle = PAPER[scheme].page;
  pen.fillRect(0, 0, canvas.width, canvas.height);
  write(pen, title, { x: GAP, y: 28, font: `600 17px ${FONT}`, color: PAPER[scheme].text });
  for (const part of parts) drawPart(pen, part, scheme);
  return new Promise((resolve, reject) => {
    canvas.toBlob(
      (blob) => (blob ? resolve(blob) : reject(new Error("The picture is too large."))),
      "image/png",
    );
  });
}

interface Text {
  x: number;
  y: number;
  font: string;
  color: string;
  most?: number;
}

function write(pen: CanvasRenderingContext2D, text: string, { x, y, font, color, most }: Text): number {
  pen.font = font;
  pen.fillStyle = color;
  pen.fillText(text, x, y, most);
  return pen.measureText(text).width;
}

function drawPart(pen: CanvasRenderingContext2D, { widget, data, box }: Pictured, scheme: Scheme): void {
  const paper = PAPER[scheme];
  const x = GAP + box.x * COLUMN;
  const y = HEAD + box.y * ROW;
  const [width, height] = [box.w * COLUMN - GAP, box.h * ROW - GAP];
  pen.fillStyle = INK[scheme].surface;
  pen.strokeStyle = paper.line;
  pen.beginPath();
  pen.roundRect(x, y, width, height, 7);
  pen.fill();
  pen.stroke();
  write(pen, widget.title, {
    x: x + 12,
    y: y + 22,
    font: `600 13px ${FONT}`,
    color: paper.text,
    most: width - 24,
  });
  const inside = { x: x + 12, y: y + 30, width: width - 24, height: height - 36 };
  const option = optionOf(widget, data, scheme);
  if (option) drawChart(pen, option, drawLegend(pen, widget, data, inside, scheme));
  else if (widget.type === "number") drawNumber(pen, widget, data, inside, scheme);
  else drawTable(pen, widget, data, inside, scheme);
}

interface Area {
  x: number;
  y: number;
  width: number;
  height: number;
}

function drawLegend(
  pen: CanvasRenderingContext2D,
  widget: Widget,
  data: WidgetData,
  area: Area,
  scheme: Scheme,
): Area {
  if (data.distribution || widget.type === "percentiles") return area;
  const names = linesOf(widget, data).lines.map((line) => line.name);
  const colors = colorsOf(names, scheme);
  let x = area.x;
  names.forEach((name, index) => {
    if (x > area.x + area.width - 60) return;
    pen.fillStyle = colors[index] ?? INK[scheme].text;
    pen.fillRect(x, area.y + 4, 8, 8);
    x +=
      14 +
      write(pen, name, { x: x + 12, y: area.y + 12, font: `11px ${FONT}`, color: INK[scheme].text }) +
      12;
  });
  return { ...area, y: area.y + 20, height: area.height - 20 };
}

function drawChart(pen: CanvasRenderingContext2D, option: ChartOption, area: Area): void {
  const chart = init(null, null, {
    renderer: "canvas",
    width: area.width,
    height: area.height,
    devicePixelRatio: SCALE,
  });
  chart.setOption(option);
  const drawn = chart.renderToCanvas({ pixelRatio: SCALE });
  pen.drawImage(drawn, area.x, area.y, area.width, area.height);
  chart.dispose();
}

function drawNumber(
  pen: CanvasRenderingContext2D,
  widget: Widget,
  data: WidgetData,
  area: Area,
  scheme: Scheme,
): void {
  const text = linesOf(widget, data)
    .lines.map((line) => formatWorth(line.total, line.totalMargin, line.unit))
    .join("   ");
  write(pen, text, {
    x: area.x,
    y: area.y + 34,
    font: `600 26px ${FONT}`,
    color: PAPER[scheme].text,
    most: area.width,
  });
}

function drawTable(
  pen: CanvasRenderingContext2D,
  widget: Widget,
  data: WidgetData,
  area: Area,
  scheme: Scheme,
): void {
  const { rows } = tableOf(widget, data);
  const fitting = Math.floor(area.height / 20);
  rows.slice(0, fitting).forEach((row, index) => {
    const y = area.y + 16 + index * 20;
    const name = row.labels.map((label) => label ?? "none").join(" / ");
    const numbers = row.cells.map((cell) => cell.text).join("    ");
    write(pen, name, {
      x: area.x,
      y,
      font: `12px ${FONT}`,
      color: PAPER[scheme].text,
      most: area.width * 0.6,
    });
    pen.textAlign = "right";
    write(pen, numbers, { x: area.x + area.width, y, font: `12px ${FONT}`, color: PAPER[scheme].text });
    pen.textAlign = "left";
  });
}
