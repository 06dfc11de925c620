using System.Text.Json;

namespace Taishang.VectorEngine.Filtering;

/// <summary>Takes the values of one field out of a row's metadata, without building a tree of it.</summary>
internal static class FieldReader
{
    /// <summary>Hands every value found under the dotted name to the column's row in progress.</summary>
    public static void Read(ReadOnlySpan<byte> json, ReadOnlySpan<byte> field, FieldColumn column)
    {
        if (json.IsEmpty)
            return;

        var reader = new Utf8JsonReader(json);
        if (reader.Read() && reader.TokenType == JsonTokenType.StartObject)
            ReadObject(ref reader, field, column);
    }

    private static void ReadObject(ref Utf8JsonReader reader, ReadOnlySpan<byte> field, FieldColumn column)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals(field))
            {
                reader.Read();
                ReadValue(ref reader, column);
                continue;
            }

            var rest = RestAfterName(ref reader, field);
            reader.Read();
            if (rest == 0)
                reader.Skip();
            else
                ReadInside(ref reader, field[rest..], column);
        }
    }

    /// <summary>Where the rest of the dotted name begins when the property is its beginning; 0 when it is
    /// not.</summary>
    private static int RestAfterName(ref Utf8JsonReader reader, ReadOnlySpan<byte> field)
    {
        for (var dot = field.IndexOf((byte)'.'); dot >= 0;)
        {
            if (reader.ValueTextEquals(field[..dot]))
                return dot + 1;

            var next = field[(dot + 1)..].IndexOf((byte)'.');
            dot = next < 0 ? -1 : dot + 1 + next;
        }

        return 0;
    }

    private static void ReadInside(ref Utf8JsonReader reader, ReadOnlySpan<byte> field, FieldColumn column)
    {
        if (reader.TokenType == JsonTokenType.StartObject)
        {
            ReadObject(ref reader, field, column);
            return;
        }

        if (reader.TokenType != JsonTokenType.StartArray)
            return;

        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType == JsonTokenType.StartObject)
                ReadObject(ref reader, field, column);
            else
                reader.Skip();
        }
    }

    private static void ReadValue(ref Utf8JsonReader reader, FieldColumn column)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            ReadScalar(ref reader, column);
            return;
        }

        column.BeginArray();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            ReadScalar(ref reader, column);
    }

    private static void ReadScalar(ref Utf8JsonReader reader, FieldColumn column)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.String:
                column.AddText(reader.GetString() ?? string.Empty);
                break;
            case JsonTokenType.Number:
                var (kind, bits) = JsonNumber.Read(ref reader);
                column.Add(kind, bits);
                break;
            case JsonTokenType.True:
                column.Add(ValueKind.True, 0);
                break;
            case JsonTokenType.False:
                column.Add(ValueKind.False, 0);
                break;
            case JsonTokenType.Null:
                column.Add(ValueKind.Null, 0);
                break;
            default:
                reader.Skip();
                column.Add(ValueKind.Opaque, 0);
                break;
        }
    }
}
