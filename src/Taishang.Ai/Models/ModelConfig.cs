using System.Text.Json;

namespace Taishang.Ai.Models;

/// <summary>
/// A model's configuration as its reader asks for it, value by value, each with its range. Keys that no reader asks
/// for belong to others (the core keeps its own there) and are let be.
/// </summary>
internal sealed class ModelConfig
{
    private const int MaxConfigCharacters = 65_536;
    private const int MaxDepth = 32;
    private readonly JsonElement _root;

    private ModelConfig(ModelReference reference, JsonElement root)
    {
        _root = root;
        ModelName = Text("model", reference.Name);
    }

    /// <summary>
    /// The provider's own name for the model: "model" of the configuration, else the registered name.
    /// </summary>
    public string ModelName { get; }

    /// <exception cref="ModelException">The configuration is not a JSON object.</exception>
    public static ModelConfig Parse(ModelReference reference)
    {
        string json = string.IsNullOrWhiteSpace(reference.ConfigJson) ? "{}" : reference.ConfigJson;
        if (json.Length > MaxConfigCharacters)
            throw Invalid($"config: at most {MaxConfigCharacters} characters are taken, {json.Length} came.");
        try
        {
            using JsonDocument document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = MaxDepth });
            if (document.RootElement.ValueKind == JsonValueKind.Object)
                return new ModelConfig(reference, document.RootElement.Clone());
        }
        catch (JsonException failure)
        {
            throw new ModelException(ModelErrorKind.InvalidConfig, "config: it is not valid JSON.", failure);
        }
        throw Invalid("config: a JSON object is expected.");
    }

    /// <summary>A text; <paramref name="fallback"/> where the key is absent or null.</summary>
    public string Text(string key, string fallback)
    {
        if (!TryGet(key, out JsonElement value)) return fallback;
        return value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text
            ? text
            : throw Invalid($"config.{key}: a text is expected.");
    }

    /// <summary>One of a few words.</summary>
    public T Choice<T>(string key, T fallback)
        where T : struct, Enum
    {
        if (!TryGet(key, out JsonElement value)) return fallback;
        string[] names = Enum.GetNames<T>();
        foreach (string name in names)
        {
            bool named = value.ValueKind == JsonValueKind.String
                && name.Equals(value.GetString(), StringComparison.OrdinalIgnoreCase);
            if (named) return Enum.Parse<T>(name);
        }
        throw Invalid($"config.{key}: one of {string.Join(", ", names).ToLowerInvariant()} is expected.");
    }

    /// <summary>Yes or no; null where the key is absent.</summary>
    public bool? Flag(string key)
    {
        if (!TryGet(key, out JsonElement value)) return null;
        return value.ValueKind is JsonValueKind.True or JsonValueKind.False
            ? value.GetBoolean()
            : throw Invalid($"config.{key}: true or false is expected.");
    }

    /// <summary>A whole number of a range; null where the key is absent.</summary>
    public int? Number(string key, int lowest, int highest)
    {
        if (!TryGet(key, out JsonElement value)) return null;
        if (value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number)
            && number >= lowest && number <= highest)
        {
            return number;
        }
        throw Invalid($"config.{key}: a whole number from {lowest} to {highest} is expected.");
    }

    /// <summary>A list of texts; empty where the key is absent.</summary>
    public IReadOnlyList<string> Texts(string key, int maxCount)
    {
        if (!TryGet(key, out JsonElement value)) return [];
        if (value.ValueKind != JsonValueKind.Array || value.GetArrayLength() > maxCount
            || value.EnumerateArray().Any(item => item.ValueKind != JsonValueKind.String))
        {
            throw Invalid($"config.{key}: a list of at most {maxCount} texts is expected.");
        }
        return [.. value.EnumerateArray().Select(item => item.GetString() ?? "")];
    }

    /// <summary>A map of texts; empty where the key is absent.</summary>
    public IReadOnlyDictionary<string, string> Map(string key, int maxCount)
    {
        if (!TryGet(key, out JsonElement value)) return new Dictionary<string, string>();
        if (value.ValueKind != JsonValueKind.Object || value.GetPropertyCount() > maxCount
            || value.EnumerateObject().Any(item => item.Value.ValueKind != JsonValueKind.String))
        {
            throw Invalid($"config.{key}: an object of at most {maxCount} texts is expected.");
        }
        var map = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (JsonProperty item in value.EnumerateObject()) map[item.Name] = item.Value.GetString() ?? "";
        return map;
    }

    /// <summary>An object; null where the key is absent.</summary>
    public JsonElement? Object(string key)
    {
        if (!TryGet(key, out JsonElement value)) return null;
        return value.ValueKind == JsonValueKind.Object ? value : throw Invalid($"config.{key}: an object is expected.");
    }

    private static ModelException Invalid(string message) => new(ModelErrorKind.InvalidConfig, message);

    private bool TryGet(string key, out JsonElement value) =>
        _root.TryGetProperty(key, out value) && value.ValueKind != JsonValueKind.Null;
}
