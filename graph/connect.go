package graph

import "slices"

// connect makes ports and links.
func (p *Plan) connect() {
	for _, u := range p.Units {
		s := u.Setup
		for i, name := range s.Inputs {
			u.In = append(u.In, &InPort{Unit: u, Index: i, Name: name, Channels: 1, Mult: u.Mult, Sum: u.Node.Sum})
		}
		for i, name := range s.Outputs {
			u.Out = append(u.Out, &OutPort{Unit: u, Index: i, Name: name, Channels: s.OutChannels[i], Mult: u.Mult})
		}
		for i := range s.Params {
			u.Params = append(u.Params, &Param{Param: s.Params[i], Of: u, Index: i, Setting: u.Node.Setting(s.Params[i].Name)})
		}
	}
	for _, e := range p.Graph.Edges {
		p.link(e)
	}
	out := p.Graph.Output
	u := p.Units[out.Node.Index]
	if i := slices.Index(u.Setup.Outputs, out.Name); i >= 0 {
		p.Output = u.Out[i]
	} else {
		p.add(p.Graph.tree.Get("output"), "output", "%s has no output %q; %s", u.Name, out.Name, hint(out.Name, u.Setup.Outputs))
	}
	if len(p.faults) > 0 {
		return
	}
	for _, u := range p.Units {
		p.channels(u)
	}
}

func (p *Plan) link(e *Edge) {
	src, dst := p.Units[e.Source.Node.Index], p.Units[e.Target.Node.Index]
	out := slices.Index(src.Setup.Outputs, e.Source.Name)
	if out < 0 {
		p.add(e.value.Get("source"), e.path+".source", "%s has no output %q; %s", src.Name, e.Source.Name, hint(e.Source.Name, src.Setup.Outputs))
		return
	}
	l := &Link{Edge: e, From: src.Out[out], Channel: e.Channel, Mode: e.Mode, Scale: e.Scale}
	if e.Channel >= l.From.Channels {
		p.add(e.value.Get("channel"), e.path+".channel", "%s.%s has %d channels, so channel %d does not exist; channels count from 0", src.Name, l.From.Name, l.From.Channels, e.Channel)
		return
	}
	target := e.value.Get("target")
	if e.Param != "" {
		if l.Param = dst.Param(e.Param); l.Param == nil {
			p.add(target, e.path+".target", "this configuration of %s has no parameter %q", dst.Name, e.Param)
			return
		}
		l.Param.Mods = append(l.Param.Mods, l)
	} else {
		in := slices.Index(dst.Setup.Inputs, e.Target.Name)
		if in < 0 {
			if e.Target.Name == "" {
				p.add(target, e.path+".target", "%s has no audio input; %s", dst.Type.Name, modulatable(dst.Type))
			} else {
				all := append(append([]string(nil), dst.Setup.Inputs...), paramNames(dst.Type)...)
				p.add(target, e.path+".target", "%s has no input or parameter %q; %s", dst.Name, e.Target.Name, hint(e.Target.Name, all))
			}
			return
		}
		l.In = dst.In[in]
		l.In.Links = append(l.In.Links, l)
	}
	l.From.Readers = append(l.From.Readers, l)
	p.Links = append(p.Links, l)
}

// channels fixes what the kernel sees at each port and how many lanes it has.
func (p *Plan) channels(u *Unit) {
	if u.Setup.Coupled {
		for i, in := range u.In {
			in.Channels = u.Setup.Channels[i]
		}
		u.Lanes = p.Batches
		return
	}
	most := 1
	for _, in := range u.In {
		most = max(most, in.linked())
	}
	for _, out := range u.Out {
		if len(u.In) == 0 {
			most = max(most, out.Channels)
		}
	}
	for _, in := range u.In {
		c := in.linked()
		if len(in.Links) > 0 && c != most && c != 1 {
			l := in.Links[0]
			p.add(l.Edge.value, l.Edge.path, "%s brings %d channels to %s.%s, but %s works on %d channels at its other input; use a MixNode or MatrixNode to bring them together", l.From.Unit.Name, c, u.Name, in.Name, u.Name, most)
		}
		if in.Sum {
			for _, l := range in.Links {
				if k := l.Channels(); k != 1 && k != c {
					p.add(l.Edge.value, l.Edge.path, "%s has %d channels and cannot be summed with the %d channels at %s.%s; use a MixNode or MatrixNode to bring them together", l.From.Unit.Name, k, c, u.Name, in.Name)
				}
			}
		}
		in.Channels = most
	}
	for _, out := range u.Out {
		out.Channels = most
	}
	u.Lanes = p.Batches * most
}
