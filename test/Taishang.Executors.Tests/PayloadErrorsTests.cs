namespace Taishang.Executors.Tests;

public sealed class PayloadErrorsTests
{
    [Fact]
    public void The_first_errors_are_kept_and_all_are_counted()
    {
        var errors = new PayloadErrors();
        for (var i = 0; i < 30; i++) errors.Add($"payload.texts[{i}]", "expected a text");

        Assert.Equal((30, PayloadErrors.ErrorsMax), (errors.Count, errors.Errors.Count));
        Assert.Equal(("payload.texts[0]", "expected a text"), errors.Errors[0]);
    }
}
