import type { Json } from '../../../src/world/json.ts'
import { type Contest, GONE, type MergeCase } from './case.ts'
import { LAMP, MODEL, TREE } from './plaza.ts'
import { all, type Edit, entity, file, json } from './worlds.ts'

const model = (value: Json | undefined) => json(LAMP, { model: value })
const content = (text: string) => file(MODEL, text)
/** As the line replaces an asset: a file of its own beside the old one, which stays. */
const anew = (text: string, path = 'assets/Lamp_1.glb'): Edit => all(file(path, text), model(path))
const contested = (ours: Json | undefined, theirs: Json | undefined): readonly Contest[] => [
  ['blueprint:Lamp', 'model', 'content:LAMP', ours, theirs],
]
const drop = file(MODEL, undefined)

const MODELS: readonly MergeCase[] = [
  {
    name: 'M3 a model replaced in place here, the blueprint changed there: both',
    ours: content('OURS'),
    theirs: json(LAMP, { desc: 'theirs' }),
    merged: all(content('OURS'), json(LAMP, { desc: 'theirs' })),
  },
  {
    name: 'M3 a model replaced there, the blueprint changed here: both',
    ours: json(LAMP, { desc: 'ours' }),
    theirs: anew('THEIRS'),
    merged: all(anew('THEIRS'), json(LAMP, { desc: 'ours' })),
  },
  {
    name: 'M3 a model replaced in place on both sides: the file is contested, the JSON is not',
    ours: content('OURS'),
    theirs: content('THEIRS'),
    merged: all(content('OURS'), file('assets/Lamp_1.glb', 'THEIRS')),
    contested: contested('content:OURS', 'content:THEIRS'),
    files: [MODEL],
  },
  {
    name: 'M3 a model replaced in place here, anew there: the file is contested, the JSON is not',
    ours: content('OURS'),
    theirs: anew('THEIRS'),
    merged: all(content('OURS'), file('assets/Lamp_1.glb', 'THEIRS')),
    contested: contested('content:OURS', 'content:THEIRS'),
    files: [MODEL],
  },
  {
    name: 'M3 a model replaced by files of other names: contested in the JSON',
    ours: anew('OURS', 'assets/ours.glb'),
    theirs: anew('THEIRS', 'assets/theirs.glb'),
    merged: all(anew('OURS', 'assets/ours.glb'), file('assets/theirs.glb', 'THEIRS')),
    contested: contested('content:OURS', 'content:THEIRS'),
  },
  {
    name: 'M3 a model replaced by a file of another name here, in place there: contested in the JSON',
    ours: anew('OURS', 'assets/ours.glb'),
    theirs: content('THEIRS'),
    merged: all(anew('OURS', 'assets/ours.glb'), content('THEIRS')),
    contested: contested('content:OURS', 'content:THEIRS'),
  },
  {
    name: 'M3 M8 a model replaced alike, under two names: it settles by its hash',
    ours: content('NEW'),
    theirs: anew('NEW'),
    merged: content('NEW'),
  },
  {
    name: 'M3 M8 a model’s file renamed here, its content replaced there: theirs',
    ours: all(drop, file('assets/bulb.glb', 'LAMP'), model('assets/bulb.glb')),
    theirs: anew('THEIRS'),
    merged: all(drop, file('assets/bulb.glb', 'LAMP'), anew('THEIRS')),
  },
  {
    name: 'M3 M8 a model’s file renamed on both sides: no change, our name',
    ours: all(drop, file('assets/bulb.glb', 'LAMP'), model('assets/bulb.glb')),
    theirs: all(drop, file('assets/birne.glb', 'LAMP'), model('assets/birne.glb')),
    merged: all(drop, file('assets/bulb.glb', 'LAMP'), model('assets/bulb.glb')),
  },
  {
    name: 'M3 M8 a model’s file renamed here, the blueprint changed there: our name',
    ours: all(drop, file('assets/bulb.glb', 'LAMP'), model('assets/bulb.glb')),
    theirs: json(LAMP, { desc: 'theirs' }),
    merged: all(drop, file('assets/bulb.glb', 'LAMP'), json(LAMP, { model: 'assets/bulb.glb', desc: 'theirs' })),
  },
  {
    name: 'M4 a model removed with its file here, untouched there: gone',
    ours: all(drop, model(undefined)),
    merged: all(drop, model(undefined)),
  },
  {
    name: 'M4 a model untouched here, removed with its file there: gone',
    theirs: all(drop, model(undefined)),
    merged: all(drop, model(undefined)),
  },
  {
    name: 'M4 a model removed on both sides: gone',
    ours: all(drop, model(undefined)),
    theirs: model(undefined),
    merged: all(drop, model(undefined)),
  },
  {
    name: 'M4 a model removed here, replaced there: contested in the JSON',
    ours: model(undefined),
    theirs: anew('THEIRS'),
    merged: all(file('assets/Lamp_1.glb', 'THEIRS'), model(undefined)),
    contested: contested(GONE, 'content:THEIRS'),
  },
  {
    name: 'M4 a model replaced in place here, removed there: contested in the JSON',
    ours: content('OURS'),
    theirs: model(undefined),
    merged: content('OURS'),
    contested: contested('content:OURS', GONE),
  },
  {
    name: 'M4 a model replaced in place here, removed with its file there: contested in the JSON, our file stays',
    ours: content('OURS'),
    theirs: all(drop, model(undefined)),
    merged: content('OURS'),
    contested: contested('content:OURS', GONE),
  },
  {
    name: 'M4 a model removed with its file here, replaced in place there: contested in the JSON',
    ours: all(drop, model(undefined)),
    theirs: content('THEIRS'),
    merged: all(content('THEIRS'), model(undefined)),
    contested: contested(GONE, 'content:THEIRS'),
  },
  {
    name: 'M3 a model’s file untouched here and removed there, newly used here: its content stays',
    ours: entity('one', { props: { shape: { url: MODEL } } }),
    theirs: all(drop, model(undefined)),
    merged: all(model(undefined), entity('one', { props: { shape: { url: MODEL } } })),
  },
  {
    name: 'M4 a model made nothing here, replaced there: contested in the JSON',
    ours: model(null),
    theirs: anew('THEIRS'),
    merged: all(file('assets/Lamp_1.glb', 'THEIRS'), model(null)),
    contested: contested(null, 'content:THEIRS'),
  },
  {
    name: 'M4 a model replaced in place here, made a URL elsewhere there: contested in the JSON',
    ours: content('OURS'),
    theirs: model('https://example.com/lamp.glb'),
    merged: content('OURS'),
    contested: contested('content:OURS', 'https://example.com/lamp.glb'),
  },
  {
    name: 'M4 a model added on both sides: contested in the JSON',
    base: model(undefined),
    ours: anew('OURS', 'assets/ours.glb'),
    theirs: anew('THEIRS', 'assets/theirs.glb'),
    merged: all(anew('OURS', 'assets/ours.glb'), file('assets/theirs.glb', 'THEIRS')),
    contested: [['blueprint:Lamp', 'model', GONE, 'content:OURS', 'content:THEIRS']],
  },
  {
    name: 'M3 a model that two blueprints share, replaced in place here and for one there: in the JSON',
    base: json(TREE, { model: MODEL }),
    ours: content('OURS'),
    theirs: anew('THEIRS'),
    merged: all(content('OURS'), file('assets/Lamp_1.glb', 'THEIRS')),
    contested: contested('content:OURS', 'content:THEIRS'),
  },
  {
    name: 'M3 a model that an entity shares, replaced in place here and for the blueprint there: in the JSON',
    base: entity('one', { props: { shape: { url: MODEL } } }),
    ours: content('OURS'),
    theirs: anew('THEIRS'),
    merged: all(content('OURS'), file('assets/Lamp_1.glb', 'THEIRS')),
    contested: contested('content:OURS', 'content:THEIRS'),
  },
  {
    name: 'M3 a model replaced in place here, newly used as it was there: each has its own',
    ours: content('OURS'),
    theirs: entity('one', { props: { shape: { url: MODEL } } }),
    merged: all(
      content('OURS'),
      file('assets/Lamp_1.glb', 'LAMP'),
      entity('one', { props: { shape: { url: 'assets/Lamp_1.glb' } } }),
    ),
  },
  {
    name: 'M3 the asset of a prop replaced in place here, by another file there: the file is contested',
    base: all(file('assets/sky.hdr', 'SKY'), entity('one', { props: { sky: { url: 'assets/sky.hdr', gain: 1 } } })),
    ours: file('assets/sky.hdr', 'OURS'),
    theirs: all(
      file('assets/sky_1.hdr', 'THEIRS'),
      entity('one', { props: { sky: { url: 'assets/sky_1.hdr', gain: 2 } } }),
    ),
    merged: all(
      file('assets/sky.hdr', 'OURS'),
      file('assets/sky_1.hdr', 'THEIRS'),
      entity('one', { props: { sky: { url: 'assets/sky.hdr', gain: 2 } } }),
    ),
    contested: [['entity:one', 'props.sky.url', 'content:SKY', 'content:OURS', 'content:THEIRS']],
    files: ['assets/sky.hdr'],
  },
]

/** Three pictures that the base has already, so that only JSON changes. */
const pictures = all(
  file('assets/sign.png', 'SIGN'),
  file('assets/ours.png', 'OURS'),
  file('assets/theirs.png', 'THEIRS'),
)
const url = (name: string, more: { readonly [key: string]: Json } = {}): Json => ({
  url: `assets/${name}.png`,
  type: 'image',
  ...more,
})
const said = (name: string, more: { readonly [key: string]: Json } = {}): Json => ({
  url: `content:${name.toUpperCase()}`,
  type: 'image',
  ...more,
})
type ImageRow = readonly [
  name: string,
  base: Json | undefined,
  ours: Json | undefined,
  theirs: Json | undefined,
  merged: Json | undefined,
  contested?: readonly [field: string, base: Json | undefined, ours: Json | undefined, theirs: Json | undefined],
]
const IMAGE_ROWS: readonly ImageRow[] = [
  ['M2 a picture exchanged here only: ours', url('sign'), url('ours'), url('sign'), url('ours')],
  ['M2 a picture exchanged there only: theirs', url('sign'), url('sign'), url('theirs'), url('theirs')],
  ['M2 a picture exchanged alike: that one', url('sign'), url('ours'), url('ours'), url('ours')],
  [
    'M3 a picture exchanged here, its record completed there: both',
    url('sign'),
    url('ours'),
    url('sign', { w: 2 }),
    url('ours', { w: 2 }),
  ],
  [
    'M3 a picture exchanged on both sides: its url is contested',
    url('sign'),
    url('ours'),
    url('theirs'),
    url('ours'),
    ['image.url', 'content:SIGN', 'content:OURS', 'content:THEIRS'],
  ],
  ['M4 a picture removed here, untouched there: gone', url('sign'), GONE, url('sign'), GONE],
  ['M4 a picture untouched here, removed there: gone', url('sign'), url('sign'), GONE, GONE],
  ['M4 a picture removed on both sides: gone', url('sign'), GONE, GONE, GONE],
  [
    'M4 a picture removed here, exchanged there: contested whole',
    url('sign'),
    GONE,
    url('theirs'),
    GONE,
    ['image', said('sign'), GONE, said('theirs')],
  ],
  [
    'M4 a picture exchanged here, removed there: contested whole',
    url('sign'),
    url('ours'),
    GONE,
    url('ours'),
    ['image', said('sign'), said('ours'), GONE],
  ],
  [
    'M4 a picture made a bare path here, untouched there: the path',
    url('sign'),
    'assets/ours.png',
    url('sign'),
    'assets/ours.png',
  ],
  [
    'M4 a picture untouched here, made a bare path there: the path',
    url('sign'),
    url('sign'),
    'assets/theirs.png',
    'assets/theirs.png',
  ],
  [
    'M4 a picture made a bare path here, exchanged there: contested whole',
    url('sign'),
    'assets/ours.png',
    url('theirs'),
    'assets/ours.png',
    ['image', said('sign'), 'content:OURS', said('theirs')],
  ],
  [
    'M4 a picture exchanged here, made a bare path there: contested whole',
    url('sign'),
    url('ours'),
    'assets/theirs.png',
    url('ours'),
    ['image', said('sign'), said('ours'), 'content:THEIRS'],
  ],
  [
    'M4 a picture made a bare path on both sides, two of them: contested whole',
    url('sign'),
    'assets/ours.png',
    'assets/theirs.png',
    'assets/ours.png',
    ['image', said('sign'), 'content:OURS', 'content:THEIRS'],
  ],
  [
    'M4 a picture removed here, made a bare path there: contested whole',
    url('sign'),
    GONE,
    'assets/theirs.png',
    GONE,
    ['image', said('sign'), GONE, 'content:THEIRS'],
  ],
  [
    'M4 a picture made nothing here, removed there: contested whole',
    url('sign'),
    null,
    GONE,
    null,
    ['image', said('sign'), null, GONE],
  ],
  ['M4 a picture added here only: ours', GONE, url('ours'), GONE, url('ours')],
  ['M4 a picture added there only: theirs', GONE, GONE, url('theirs'), url('theirs')],
  ['M4 a picture added alike: one', GONE, url('ours'), url('ours'), url('ours')],
  [
    'M3 M4 a picture added on both sides, of one type: its url is contested',
    GONE,
    url('ours'),
    url('theirs'),
    url('ours'),
    ['image.url', GONE, 'content:OURS', 'content:THEIRS'],
  ],
  [
    'M4 a bare path exchanged on both sides: contested',
    'assets/sign.png',
    'assets/ours.png',
    'assets/theirs.png',
    'assets/ours.png',
    ['image', 'content:SIGN', 'content:OURS', 'content:THEIRS'],
  ],
]
const image = (value: Json | undefined) => all(pictures, json(LAMP, { image: value }))
const IMAGES: readonly MergeCase[] = IMAGE_ROWS.map(([name, base, ours, theirs, merged, contested]) => ({
  name,
  base: image(base),
  ours: image(ours),
  theirs: image(theirs),
  merged: image(merged),
  ...(contested === undefined ? {} : { contested: [['blueprint:Lamp', ...contested] as Contest] }),
}))

export const ASSET_CASES: readonly MergeCase[] = [...MODELS, ...IMAGES]
