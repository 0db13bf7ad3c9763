/**
 * Keyboard layouts as they lie under the fingers: for each level (plain, shift, AltGr, shift+AltGr) the four rows of
 * `rowKeys`, one character a key, a space where the key gives nothing. A combining character (`\u0302`) is a dead
 * key: it waits for the next letter. Source: xkeyboard-config's basic variants.
 */
export interface KeyLayout {
  readonly levels: readonly (readonly [string, string, string, string])[];
  /** Keys outside the rows: plain, shift, AltGr. */
  readonly extra?: Readonly<Record<string, string>>;
}

/** QEMU's key names (qcodes) by place, named after what a US keyboard has there; `less` is the key beside the left shift. */
export const rowKeys: readonly (readonly string[])[] = [
  ["grave_accent", "1", "2", "3", "4", "5", "6", "7", "8", "9", "0", "minus", "equal"],
  ["q", "w", "e", "r", "t", "y", "u", "i", "o", "p", "bracket_left", "bracket_right"],
  ["a", "s", "d", "f", "g", "h", "j", "k", "l", "semicolon", "apostrophe", "backslash"],
  ["less", "z", "x", "c", "v", "b", "n", "m", "comma", "dot", "slash"],
];

export const keyLayouts = {
  "en-us": {
    levels: [
      ["`1234567890-=", "qwertyuiop[]", "asdfghjkl;'\\", " zxcvbnm,./"],
      ["~!@#$%^&*()_+", "QWERTYUIOP{}", 'ASDFGHJKL:"|', " ZXCVBNM<>?"],
    ],
  },
  "en-gb": {
    levels: [
      ["`1234567890-=", "qwertyuiop[]", "asdfghjkl;'#", "\\zxcvbnm,./"],
      ['¬!"£$%^&*()_+', "QWERTYUIOP{}", "ASDFGHJKL:@~", "|ZXCVBNM<>?"],
      ["    €        ", "            ", "            ", "           "],
    ],
  },
  de: {
    levels: [
      ["\u03021234567890ß\u0301", "qwertzuiopü+", "asdfghjklöä#", "<yxcvbnm,.-"],
      ['°!"§$%&/()=?\u0300', "QWERTZUIOPÜ*", "ASDFGHJKLÖÄ'", ">YXCVBNM;:_"],
      ["  ²³   {[]}\\ ", "@ €        ~", "            ", "|      µ   "],
    ],
  },
  fr: {
    levels: [
      ["²&é\"'(-è_çà)=", "azertyuiop\u0302$", "qsdfghjklmù*", "<wxcvbn,;:!"],
      [" 1234567890°+", "AZERTYUIOP\u0308£", "QSDFGHJKLM%µ", ">WXCVBN?./§"],
      ["  ~#{[|`\\^@]}", "  €        ¤", "            ", "           "],
    ],
  },
  es: {
    levels: [
      ["º1234567890'¡", "qwertyuiop\u0300+", "asdfghjklñ\u0301ç", "<zxcvbnm,.-"],
      ['ª!"·$%&/()=?¿', "QWERTYUIOP\u0302*", "ASDFGHJKLÑ\u0308Ç", ">ZXCVBNM;:_"],
      ["\\|@#~€¬      ", "          []", "          {}", "           "],
    ],
  },
  it: {
    levels: [
      ["\\1234567890'ì", "qwertyuiopè+", "asdfghjklòàù", "<zxcvbnm,.-"],
      ['|!"£$%&/()=?^', "QWERTYUIOPé*", "ASDFGHJKLç°§", ">ZXCVBNM;:_"],
      ["           `~", "  €       []", "         @# ", "           "],
      ["             ", "          {}", "            ", "           "],
    ],
  },
  "pt-br": {
    levels: [
      ["'1234567890-=", "qwertyuiop\u0301[", "asdfghjklç\u0303]", "\\zxcvbnm,.;"],
      ['"!@#$%\u0308&*()_+', "QWERTYUIOP\u0300{", "ASDFGHJKLÇ\u0302}", "|ZXCVBNM<>:"],
      [" ¹²³£¢¬     §", "  €        ª", "           º", "           "],
    ],
    extra: { ro: "/?°" },
  },
  ja: {
    levels: [
      [" 1234567890-^", "qwertyuiop@[", "asdfghjkl;:]", " zxcvbnm,./"],
      [" !\"#$%&'() =~", "QWERTYUIOP`{", "ASDFGHJKL+*}", " ZXCVBNM<>?"],
    ],
    extra: { ro: "\\_", yen: "¥|" },
  },
} as const satisfies Record<string, KeyLayout>;

export type KeyLayoutName = keyof typeof keyLayouts;
