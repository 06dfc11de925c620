using System.Globalization;
using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Taishang.ContractDiff;

/// <summary>
/// Reads YAML as the JSON that it stands for (the core schema of YAML 1.2), so that everything behind it knows one
/// kind of tree. Merge keys and tags of one's own are not part of that schema and are not read.
/// </summary>
public static class YamlFile
{
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="FormatException">The file is not YAML, or not an object; the message names file and
    /// line.</exception>
    public static JsonObject Read(string path)
    {
        try
        {
            return Parse(File.ReadAllText(path));
        }
        catch (FormatException e)
        {
            throw new FormatException($"{path}: {e.Message}", e);
        }
    }

    /// <exception cref="FormatException">The text is not YAML, or not an object.</exception>
    public static JsonObject Parse(string text)
    {
        var stream = new YamlStream();
        try
        {
            stream.Load(new StringReader(text));
        }
        catch (YamlException e)
        {
            throw new FormatException($"line {e.Start.Line}: {e.Message}", e);
        }

        if (stream.Documents is not [var document]) throw new FormatException("expected one YAML document");
        return ToJson(document.RootNode) as JsonObject ?? throw new FormatException("expected an object at the top");
    }

    private static JsonNode? ToJson(YamlNode node) => node switch
    {
        YamlMappingNode mapping => ToObject(mapping),
        YamlSequenceNode sequence => new JsonArray([.. sequence.Children.Select(ToJson)]),
        YamlScalarNode scalar => ToValue(scalar),
        _ => throw new FormatException($"line {node.Start.Line}: not a value"),
    };

    private static JsonObject ToObject(YamlMappingNode mapping)
    {
        var result = new JsonObject();
        foreach (var (key, value) in mapping.Children)
        {
            var name = (key as YamlScalarNode)?.Value
                ?? throw new FormatException($"line {key.Start.Line}: a key must be text");
            if (!result.TryAdd(name, ToJson(value)))
                throw new FormatException($"line {key.Start.Line}: '{name}' is given twice");
        }

        return result;
    }

    private static JsonNode? ToValue(YamlScalarNode scalar)
    {
        var text = scalar.Value ?? "";
        if (scalar.Style is not ScalarStyle.Plain) return JsonValue.Create(text);
        return text switch
        {
            "" or "~" or "null" => null,
            "true" => JsonValue.Create(true),
            "false" => JsonValue.Create(false),
            _ => ToNumber(text) ?? JsonValue.Create(text),
        };
    }

    // Parsed as JSON rather than created from a long, so that a reader may take it as any number that holds it.
    private static JsonNode? ToNumber(string text)
    {
        if (!(char.IsAsciiDigit(text[^1]) && (char.IsAsciiDigit(text[0]) || text[0] is '-' or '+' or '.'))) return null;
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole))
            return JsonNode.Parse(whole.ToString(CultureInfo.InvariantCulture));
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var real)
            ? JsonNode.Parse(real.ToString("R", CultureInfo.InvariantCulture))
            : null;
    }
}
