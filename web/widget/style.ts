// SPDX-License-Identifier: AGPL-3.0-or-later
// The widget's look, as a constructed style sheet: a page that forbids inline styles allows it all the same.
// Nothing leaks in (all: initial) or out (shadow DOM). Colours of the brand come as --b (ground), --bt (text on
// it), --bl (lines and links on the panel).
export const css = `
:host{all:initial;position:fixed;z-index:2147483000;bottom:max(16px,env(safe-area-inset-bottom));--bg:#fff;--soft:#f3f4f6;--ink:#1a1d21;--dim:#565d66;--line:#d5d9de;--field:#7b838d;--bad:#b3261e;color-scheme:light;font:15px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;color:var(--ink)}
:host([data-dark]){--bg:#1c1e21;--soft:#2a2d31;--ink:#eceef0;--dim:#aab1b9;--line:#3c4147;--field:#8a929b;--bad:#ffb4ab;color-scheme:dark}
:host([data-side=right]){right:16px}
:host([data-side=left]){left:16px}
:host([data-inline]){position:relative;display:block;bottom:auto;right:auto;left:auto;z-index:auto}
*,*::before,*::after{box-sizing:border-box}
[hidden]{display:none!important}
.vh{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
button,textarea,input,select{font:inherit;color:inherit;letter-spacing:normal}
button{cursor:pointer;border:0;background:none;padding:0}
:focus-visible{outline:2px solid var(--bl);outline-offset:2px}
svg{width:24px;height:24px;fill:none;stroke:currentColor;stroke-width:1.8;stroke-linecap:round;stroke-linejoin:round;display:block}
.launch{width:56px;height:56px;border-radius:50%;background:var(--b);color:var(--bt);display:grid;place-items:center;box-shadow:0 2px 6px #0003,0 6px 20px #0003;border:1px solid var(--bb);position:relative;margin-inline-start:auto}
:host([data-side=left]) .launch{margin-inline:0 auto}
.launch:focus-visible{outline:3px solid var(--bl);outline-offset:3px;box-shadow:0 0 0 3px #fff}
.badge{position:absolute;top:-4px;inset-inline-end:-4px;min-width:22px;height:22px;border-radius:11px;background:#b3261e;color:#fff;font-size:13px;font-weight:600;line-height:22px;text-align:center;padding:0 5px;border:2px solid #fff;box-sizing:content-box;margin:-2px}
.panel{display:flex;flex-direction:column;width:380px;max-width:calc(100vw - 32px);height:min(640px,calc(100vh - 112px));height:min(640px,calc(100dvh - 112px));background:var(--bg);color:var(--ink);border:1px solid var(--line);border-radius:14px;box-shadow:0 10px 40px #0004;overflow:hidden;margin-bottom:12px}
header{display:flex;align-items:flex-start;gap:8px;padding:14px 10px 12px 18px;border-bottom:1px solid var(--line)}
:host([dir=rtl]) header,.panel[dir=rtl] header{padding:14px 18px 12px 10px}
header div{flex:1;min-width:0}
h2{margin:0;font-size:17px;font-weight:650;overflow-wrap:anywhere}
header p{margin:2px 0 0;font-size:13px;color:var(--dim)}
.dot{display:inline-block;width:8px;height:8px;border-radius:50%;border:2px solid var(--dim);margin-inline-end:6px}
.dot.on{background:#1a7f45;border-color:#1a7f45}
.ic{width:44px;height:44px;border-radius:10px;display:grid;place-items:center;color:var(--dim);flex:none}
.ic:hover{background:var(--soft);color:var(--ink)}
.log{flex:1;overflow-y:auto;padding:14px 16px;display:flex;flex-direction:column;gap:4px;overscroll-behavior:contain}
.log:focus-visible{outline-offset:-3px}
.law{font-size:13px;color:var(--dim);margin:0 0 8px}
a{color:var(--bl);text-underline-offset:2px}
.m{max-width:85%;align-self:flex-start;margin-top:8px;display:flex;flex-direction:column}
.m.mine{align-self:flex-end;align-items:flex-end}
.m.next{margin-top:2px}
.by{font-size:13px;color:var(--dim);margin:0 2px 3px}
.b{background:var(--soft);border-radius:12px;border-start-start-radius:4px;padding:8px 12px;white-space:pre-wrap;overflow-wrap:anywhere;margin:0}
.mine .b{background:var(--b);color:var(--bt);border-start-start-radius:12px;border-start-end-radius:4px;border:1px solid var(--bb)}
.mine .b a{color:inherit}
.b.big{font-size:32px;line-height:1.2;background:none;border:0;padding:2px}
.b.gone{background:none;border:1px dashed var(--field);color:var(--dim);font-style:italic}
.st{font-size:12.5px;color:var(--dim);margin:3px 2px 0}
.st.bad{color:var(--bad)}
.st button{color:var(--bl);text-decoration:underline;min-height:24px;padding:0 4px}
canvas{max-width:100%;border-radius:10px;display:block;border:1px solid var(--line);margin-top:4px}
.pic{display:block;max-width:100%;border-radius:10px;text-align:start}
.f{display:inline-flex;gap:8px;align-items:center;border:1px solid var(--field);border-radius:10px;padding:8px 12px;margin-top:4px;min-height:44px;overflow-wrap:anywhere;text-align:start}
.f svg{flex:none;width:20px;height:20px}
.more{align-self:center;color:var(--bl);min-height:44px;padding:0 14px;border-radius:8px}
.more:hover,.f:hover{background:var(--soft)}
.tell{min-height:22px;padding:0 18px;font-size:13px;color:var(--dim)}
.tell.bad{color:var(--bad)}
.typing{display:flex;align-items:center;gap:8px}
.typing i{width:5px;height:5px;border-radius:50%;background:currentColor;animation:p 1.2s infinite;margin-inline-end:-4px}
.typing i+i{animation-delay:.15s}.typing i+i+i{animation-delay:.3s}
@keyframes p{50%{opacity:.25}}
.write{display:flex;align-items:flex-end;gap:2px;margin:0 12px 12px;border:1px solid var(--field);border-radius:12px;padding:2px;background:var(--bg)}
.write:focus-within{border-color:var(--bl);outline:1px solid var(--bl)}
.write textarea{flex:1;min-width:0;border:0;background:none;resize:none;padding:10px 4px 10px 12px;max-height:140px;outline:0;field-sizing:content;min-height:44px;line-height:1.45}
.panel[dir=rtl] textarea{padding:10px 12px 10px 4px}
.write textarea::placeholder{color:var(--dim);opacity:1}
.send{width:44px;height:44px;border-radius:10px;background:var(--b);color:var(--bt);display:grid;place-items:center;flex:none;border:1px solid var(--bb)}
.send[disabled]{background:none;color:var(--dim);border-color:transparent;cursor:default}
.form{overflow-y:auto;padding:14px 18px;display:flex;flex-direction:column;gap:12px;flex:1}
.form p{margin:0}
.form label{display:block;font-weight:550;font-size:14px}
.form small{font-weight:400;color:var(--dim)}
.form input,.form select,.form textarea{display:block;width:100%;margin-top:4px;border:1px solid var(--field);border-radius:8px;padding:9px 10px;background:var(--bg);font-weight:400;min-height:44px}
.form textarea{min-height:96px;resize:vertical}
.form [aria-invalid=true]{border-color:var(--bad)}
.err{color:var(--bad);font-size:13px;font-weight:400;margin-top:3px}
.go{background:var(--b);color:var(--bt);border-radius:10px;min-height:44px;padding:0 16px;font-weight:600;border:1px solid var(--bb)}
.drop{outline:3px dashed var(--bl);outline-offset:-8px}
@media(max-width:480px),(max-height:480px){:host([data-open]:not([data-inline])){inset:0;right:0!important;left:0!important;bottom:0}
:host([data-open]:not([data-inline])) .panel{width:100%;max-width:none;height:100%;height:100dvh;border:0;border-radius:0;margin:0}
:host([data-open]:not([data-inline])) .launch{display:none}}
@media(prefers-reduced-motion:reduce){*{animation:none!important}}
@media(forced-colors:active){.launch,.send,.go,.mine .b,.badge{border:1px solid}}
@media print{:host{display:none}}
`
