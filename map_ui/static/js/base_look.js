// @ts-check
/** How the base map of our own is drawn: calm, below everything, in the page's colours (layers and kinds as map_ui/basemap/kinds.py names them). */

const GREEN = ['park', 'forest', 'wood', 'grass', 'grassland', 'cemetery', 'nature_reserve', 'garden', 'golf_course', 'pitch', 'scrub', 'meadow'];
const BUILT = ['industrial', 'hospital', 'school', 'university', 'college', 'railway', 'aerodrome'];
const POINT = 1, LINE = 2, AREA = 3;
/** Kinds of roads from the least to the greatest: width at zoom 10 and at zoom 18, colour, first zoom with a name. */
const ROADS = [
  { kinds: ['path'], thin: 0.2, thick: 2, colour: '--base-path', named: 18 },
  { kinds: ['minor_road', 'other'], thin: 0.3, thick: 9, colour: '--base-minor', named: 16 },
  { kinds: ['major_road', 'medium_road'], thin: 1, thick: 13, colour: '--base-major', named: 14 },
  { kinds: ['highway'], thin: 1.8, thick: 16, colour: '--base-highway', named: 13 },
];

/** Whether a feature is of one of these kinds and of this shape (pure). @param {string[]} kinds @param {number} [shape] */
export const of = (kinds, shape = 0) => (/** @type {number} */ _, /** @type {any} */ feature) => kinds.includes(feature.props.kind) && (!shape || feature.geomType === shape);

/** The name in the page's language, else the local one (pure). @param {string} language */
export const names = (language) => (language.startsWith('zh') ? ['name:zh', 'name'] : ['name:en', 'name']);

/**
 * Paint and label rules.
 * @param {any} P protomaps-leaflet @param {(token: string) => string} colour @param {string} language
 */
export function rules(P, colour, language) {
  const area = (/** @type {string} */ layer, /** @type {string} */ token, /** @type {any} */ more) => ({ dataLayer: layer, symbolizer: new P.PolygonSymbolizer({ fill: colour(token) }), ...more });
  const line = (/** @type {string} */ layer, /** @type {any} */ look, /** @type {any} */ filter) => ({ dataLayer: layer, symbolizer: new P.LineSymbolizer({ lineCap: 'round', lineJoin: 'round', ...look }), filter });
  const width = (/** @type {number} */ thin, /** @type {number} */ thick) => P.exp(1.5, [[10, thin], [18, thick]]);
  const casing = colour('--base-casing');
  const paintRules = [
    area('landuse', '--base-green', { filter: of(GREEN) }),
    area('landuse', '--base-built', { filter: of(BUILT) }),
    area('water', '--base-water', { filter: (/** @type {any} */ _, /** @type {any} */ f) => f.geomType === AREA }),
    line('water', { color: colour('--base-water'), width: width(1, 7) }, of(['river', 'canal', 'stream'], LINE)),
    line('water', { color: colour('--base-shore'), width: 1 }, of(['coastline'], LINE)),
    area('buildings', '--base-building', { minzoom: 15 }),
    ...ROADS.slice(1).map((road) => ({ ...line('roads', { color: casing, width: width(road.thin + 0.8, road.thick + 2.4) }, of(road.kinds)), minzoom: 12 })),
    ...ROADS.map((road) => line('roads', { color: colour(road.colour), width: width(road.thin, road.thick) }, of(road.kinds))),
    { ...line('roads', { color: colour('--base-rail'), width: width(0.8, 2), lineCap: 'butt', dash: [6, 3], dashColor: colour('--base-rail'), dashWidth: 1.4 }, of(['rail'])), minzoom: 10 },
  ];
  const text = { labelProps: names(language), stroke: colour('--map-halo'), width: 2.5, fontFamily: 'system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif' };
  const ink = colour('--base-text');
  const label = (/** @type {any} */ look, /** @type {any} */ more) => ({ symbolizer: new P.CenteredTextSymbolizer({ ...text, fill: ink, ...look }), ...more });
  const labelRules = [
    label({ fontSize: 14, fontWeight: 600 }, { dataLayer: 'places', filter: of(['locality'], POINT), maxzoom: 15 }),
    label({ fontSize: 12, fontWeight: 500 }, { dataLayer: 'places', filter: of(['neighbourhood'], POINT), minzoom: 12, maxzoom: 16 }),
    ...[...ROADS].reverse().map((road) => ({ dataLayer: 'roads', minzoom: road.named, filter: of(road.kinds), symbolizer: new P.LineLabelSymbolizer({ ...text, fill: ink, fontSize: 11, position: P.LineLabelPlacement?.Center ?? 2 }) })),
    label({ fontSize: 11, fontStyle: 'italic', fill: colour('--base-water-text') }, { dataLayer: 'water', filter: of(['water', 'lake', 'ocean', 'sea'], AREA), minzoom: 13 }),
  ];
  return { paintRules, labelRules, backgroundColor: colour('--map-ground') };
}
