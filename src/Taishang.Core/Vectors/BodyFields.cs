using Google.Protobuf;
using Taishang.Core.Api;

namespace Taishang.Core.Vectors;

/// <summary>Small rules that all bodies on vectors share.</summary>
internal static class BodyFields
{
    /// <summary>A name has at most 100 characters, an id 36.</summary>
    public const int CollectionCharactersMax = 100;

    public static void Require(FieldErrors errors, int seen, int bit, string field)
    {
        if ((seen & bit) == 0) errors.Add(ErrorCodes.MissingField, field, "required and missing");
    }

    public static ByteString Bytes(ReadOnlySpan<byte> json) =>
        json.IsEmpty ? ByteString.Empty : ByteString.CopyFrom(json);
}
