using System.Text.Json;
using Taishang.Core.Api;

namespace Taishang.Core.Models;

/// <summary>One field of a config: what its value may be. null is as absent everywhere.</summary>
internal sealed class ConfigField
{
    private readonly Func<JsonElement, string?> _fault;
    private readonly IReadOnlyDictionary<string, ConfigField>? _fields;

    private ConfigField(
        Func<JsonElement, string?> fault, IReadOnlyDictionary<string, ConfigField>? fields = null)
    {
        _fault = fault;
        _fields = fields;
    }

    public static ConfigField Flag { get; } = new(
        value => value.ValueKind is JsonValueKind.True or JsonValueKind.False ? null : "expected true or false");

    /// <summary>Any object: the size of the whole config is its limit.</summary>
    public static ConfigField Anything { get; } = new(
        value => value.ValueKind == JsonValueKind.Object ? null : "expected an object");

    public static ConfigField Text(int charactersMax) => new(
        value => value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text
            && text.Length <= charactersMax
            ? null : $"expected a text of 1 to {charactersMax} characters");

    public static ConfigField Whole(long lowest, long highest) => new(
        value => value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var number)
            && number >= lowest && number <= highest
            ? null : $"expected a whole number from {lowest} to {highest}");

    public static ConfigField Number(double lowest, double highest) => new(
        value => value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number)
            && number >= lowest && number <= highest
            ? null : $"expected a number from {lowest} to {highest}");

    public static ConfigField OneOf(params string[] words) => new(
        value => value.ValueKind == JsonValueKind.String
            && words.Contains(value.GetString(), StringComparer.OrdinalIgnoreCase)
            ? null : $"expected one of {string.Join(", ", words)}");

    public static ConfigField Texts(int countMax, int charactersMax) => new(
        value => value.ValueKind == JsonValueKind.Array && value.GetArrayLength() <= countMax
            && value.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String
                && item.GetString()?.Length <= charactersMax)
            ? null : $"expected a list of at most {countMax} texts of at most {charactersMax} characters");

    /// <summary>An object of texts whose names and values are held to a rule.</summary>
    public static ConfigField Map(int countMax, Func<string, string, string?> fault) => new(value =>
    {
        if (value.ValueKind != JsonValueKind.Object) return "expected an object of texts";
        var count = 0;
        foreach (var property in value.EnumerateObject())
        {
            if (++count > countMax) return $"expected at most {countMax} of them";
            if (property.Value.ValueKind != JsonValueKind.String) return $"expected a text at '{property.Name}'";
            if (fault(property.Name, property.Value.GetString() ?? "") is { } why) return why;
        }

        return null;
    });

    /// <param name="fields">All that it may hold.</param>
    /// <param name="together">What is wrong with fields beside each other, where each by itself is right.</param>
    public static ConfigField Object(
        IReadOnlyDictionary<string, ConfigField> fields, Func<JsonElement, string?>? together = null) =>
        new(value => value.ValueKind != JsonValueKind.Object ? "expected an object" : together?.Invoke(value), fields);

    public void Check(FieldErrors errors, string path, JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.Null) return;
        if (_fault(value) is { } why) errors.Add(ErrorCodes.ModelInvalid, path, why);
        if (_fields is null || value.ValueKind != JsonValueKind.Object) return;
        foreach (var property in value.EnumerateObject())
        {
            var name = property.Name;
            if (_fields.TryGetValue(name, out var field)) field.Check(errors, $"{path}.{name}", property.Value);
            else
                errors.Add(
                    ErrorCodes.UnknownField, $"{path}.{(name.Length <= 40 ? name : name[..40] + "…")}",
                    $"not known here, expected {string.Join(", ", _fields.Keys.Order(StringComparer.Ordinal))}");
        }
    }
}
