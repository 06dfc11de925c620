namespace Taishang.ContractDiff.Protos;

/// <summary>Reads one file by recursive descent.</summary>
internal sealed class ProtoParser(ProtoTokens tokens, ProtoDefinitions definitions)
{
    private string _package = "";

    public void ParseFile()
    {
        while (!tokens.AtEnd)
        {
            switch (tokens.Peek)
            {
                case "package":
                    tokens.Take();
                    _package = tokens.Take();
                    tokens.Expect(";");
                    break;
                case "message":
                    ParseMessage(_package);
                    break;
                case "enum":
                    ParseEnum(_package);
                    break;
                case "service":
                    ParseService();
                    break;
                case "syntax" or "edition" or "import" or "option" or "extend":
                    tokens.SkipStatement();
                    break;
                case ";":
                    tokens.Take();
                    break;
                default:
                    throw tokens.Wrong("a definition");
            }
        }
    }

    private void ParseMessage(string scope)
    {
        tokens.Expect("message");
        var name = Join(scope, tokens.Take());
        var message = new ProtoMessage();
        definitions.Messages[name] = message;
        tokens.Expect("{");
        while (!tokens.TryTake("}"))
        {
            switch (tokens.Peek)
            {
                case "message":
                    ParseMessage(name);
                    break;
                case "enum":
                    ParseEnum(name);
                    break;
                case "oneof":
                    ParseOneof(message);
                    break;
                case "reserved":
                    ParseReserved(message.Reserved);
                    break;
                case "option" or "extensions":
                    tokens.SkipStatement();
                    break;
                case ";":
                    tokens.Take();
                    break;
                default:
                    ParseField(message, "");
                    break;
            }
        }
    }

    private void ParseOneof(ProtoMessage message)
    {
        tokens.Expect("oneof");
        var label = "oneof " + tokens.Take();
        tokens.Expect("{");
        while (!tokens.TryTake("}"))
        {
            if (tokens.Peek == "option") tokens.SkipStatement();
            else ParseField(message, label);
        }
    }

    private void ParseField(ProtoMessage message, string label)
    {
        if (label.Length == 0 && tokens.Peek is "optional" or "repeated" or "required") label = tokens.Take();
        var type = tokens.Take();
        if (type == "map" && tokens.TryTake("<"))
        {
            var key = tokens.Take();
            tokens.Expect(",");
            type = $"map<{key}, {tokens.Take()}>";
            tokens.Expect(">");
        }

        var name = tokens.Take();
        tokens.Expect("=");
        var number = tokens.TakeNumber();
        tokens.SkipOptions();
        tokens.Expect(";");
        message.Fields[number] = new ProtoField(name, Local(type), label);
    }

    private void ParseEnum(string scope)
    {
        tokens.Expect("enum");
        var found = new ProtoEnum();
        definitions.Enums[Join(scope, tokens.Take())] = found;
        tokens.Expect("{");
        while (!tokens.TryTake("}"))
        {
            if (tokens.Peek == "option")
            {
                tokens.SkipStatement();
            }
            else if (tokens.Peek == "reserved")
            {
                ParseReserved(found.Reserved);
            }
            else if (!tokens.TryTake(";"))
            {
                var name = tokens.Take();
                tokens.Expect("=");
                var number = tokens.TakeNumber();
                tokens.SkipOptions();
                tokens.Expect(";");
                if (!found.Values.TryAdd(number, [name])) found.Values[number].Add(name);
            }
        }
    }

    private void ParseService()
    {
        tokens.Expect("service");
        var service = Join(_package, tokens.Take());
        tokens.Expect("{");
        while (!tokens.TryTake("}"))
        {
            if (tokens.Peek == "option")
            {
                tokens.SkipStatement();
            }
            else if (!tokens.TryTake(";"))
            {
                tokens.Expect("rpc");
                var name = tokens.Take();
                var request = ParseMethodType();
                tokens.Expect("returns");
                definitions.Methods[$"{service}/{name}"] = new ProtoMethod(request, ParseMethodType());
                if (tokens.Peek == "{") tokens.SkipStatement();
            }
        }
    }

    private string ParseMethodType()
    {
        tokens.Expect("(");
        var stream = tokens.TryTake("stream") ? "stream " : "";
        var type = stream + Local(tokens.Take());
        tokens.Expect(")");
        return type;
    }

    private void ParseReserved(ReservedNumbers reserved)
    {
        tokens.Expect("reserved");
        do
        {
            if (tokens.Peek.StartsWith('"') || tokens.Peek.StartsWith('\''))
            {
                reserved.Names.Add(tokens.Take().Trim('"', '\''));
                continue;
            }

            var first = tokens.TakeNumber();
            var last = first;
            if (tokens.TryTake("to")) last = tokens.TryTake("max") ? int.MaxValue : tokens.TakeNumber();
            reserved.Add(first, last);
        }
        while (tokens.TryTake(","));
        tokens.Expect(";");
    }

    // The same type may be written with or without its own package.
    private string Local(string type)
    {
        type = type.TrimStart('.');
        var prefix = _package + ".";
        return _package.Length > 0 && type.StartsWith(prefix, StringComparison.Ordinal) ? type[prefix.Length..] : type;
    }

    private static string Join(string scope, string name) => scope.Length == 0 ? name : $"{scope}.{name}";
}
