"""How the page `/usage` looks: light and dark, from the width of a phone on."""

STYLE = """
:root{--page:#f6f7f8;--card:#fff;--ink:#16202a;--soft:#5c6a78;--line:#e0e5ea;--accent:#1769aa;--low:#b45309;--spent:#b42318}
@media(prefers-color-scheme:dark){:root{--page:#11161b;--card:#1a2128;--ink:#e8edf2;--soft:#97a5b3;--line:#2c3640;
--accent:#5aa9e6;--low:#f0a04b;--spent:#f47067}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:52rem;margin:0 auto;padding:1.5rem 1rem 3rem}
h1{font-size:1.5rem;margin:0}h2{font-size:1rem;margin:0 0 .75rem}
header{margin-bottom:1rem}header p{margin:.15rem 0 0;color:var(--soft);overflow-wrap:anywhere}
section{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:1rem;margin-top:1rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(8rem,1fr));gap:.75rem;background:none;border:0;padding:0}
.tile{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:.75rem 1rem}
.tile span{display:block;color:var(--soft);font-size:.85rem}
.tile strong{font-size:1.4rem;font-variant-numeric:tabular-nums}
.note{color:var(--soft);font-size:.9rem;margin:.5rem 0 0}
.budget p{margin:0 0 .4rem}.budget+.budget{margin-top:.9rem}
.bar{height:.6rem;border-radius:.3rem;background:var(--line);overflow:hidden}
.bar i{display:block;height:100%;background:var(--accent)}.low .bar i{background:var(--low)}
.spent .bar i{background:var(--spent)}.low strong{color:var(--low)}.spent strong{color:var(--spent)}
.days{display:flex;align-items:flex-end;gap:.25rem;height:7.5rem;list-style:none;margin:0;padding:0}
.days li{flex:1;height:100%;display:grid;grid-template-rows:minmax(0,1fr) auto;text-align:center}
.days i{align-self:end;background:var(--accent);border-radius:.2rem .2rem 0 0}.days .used{min-height:2px}
.days span{color:var(--soft);font-size:.7rem;border-top:1px solid var(--line)}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:right;padding:.4rem .5rem;border-top:1px solid var(--line);white-space:nowrap;font-weight:400}
th[scope=row]{white-space:normal;overflow-wrap:anywhere}
th[scope=row],th:first-child,td:first-child,.latest th[scope=col]:nth-child(2){text-align:left}
thead th{color:var(--soft);font-size:.8rem;border-top:0}
.latest{font-size:.9rem}.code{color:var(--spent);font-weight:400;white-space:normal;overflow-wrap:anywhere}
td:last-child{white-space:normal}
.models{display:flex;flex-wrap:wrap;gap:.4rem;list-style:none;margin:0;padding:0}
code{background:var(--page);border:1px solid var(--line);border-radius:.3rem;padding:.1rem .4rem;
display:inline-block;overflow-wrap:anywhere}
.ask{max-width:26rem;padding-top:12vh}.ask form{margin-top:1rem}label{display:block;margin-bottom:.3rem}
input{width:100%;font:inherit;padding:.6rem .75rem;border:1px solid var(--line);border-radius:.4rem;
background:var(--card);color:inherit}
button{width:100%;margin-top:.75rem;font:inherit;font-weight:600;padding:.6rem;border:0;border-radius:.4rem;
background:var(--accent);color:var(--card);cursor:pointer}
a{color:var(--accent)}.or{text-align:center}.problem{color:var(--spent);margin:.5rem 0 0}
@media(max-width:30rem){th,td{padding:.35rem .25rem;font-size:.8rem}
.latest :is(th,td):is(:nth-child(3),:nth-child(4)){display:none}.latest td:first-child{white-space:normal}}
"""
